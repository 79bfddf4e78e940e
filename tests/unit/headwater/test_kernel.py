"""Errors and health."""

from __future__ import annotations

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
