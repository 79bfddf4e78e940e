"""Errors, health and the metrics server's list."""

from __future__ import annotations

import importlib
import pkgutil

from prometheus_client import REGISTRY

from headwater import metrics
from headwater.errors import Fatal, HeadwaterError, Permanent, Transient
from headwater.health import Health


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    assert (
        str(Fatal("the disk is full", remedy="free space on /data"))
        == "the disk is full; free space on /data"
    )
    assert str(Transient("no answer")) == "no answer"
    assert issubclass(Permanent, HeadwaterError)


def test_ready_needs_every_check_and_at_least_one() -> None:
    health = Health()
    assert not health.ready()
    health.report("kafka", True)
    health.report("node", False, "no answer")
    assert not health.ready()
    assert health.checks()["node"].detail == "no answer"
    health.report("node", True)
    assert health.ready()
    assert health.alive()
    health.fail("fork below finalized")
    assert not health.alive()


def test_every_metric_is_named_for_the_project_and_says_what_it_is() -> None:
    for module in pkgutil.iter_modules(metrics.__path__, f"{metrics.__name__}."):
        importlib.import_module(module.name)
    ours = [family for family in REGISTRY.collect() if family.name.startswith("headwater_")]
    assert len(ours) > 20
    assert all(family.documentation for family in ours)
