"""A configuration of which nothing comes although it was changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.kafka.bounds import Bounds
from headwater.settings import load_settings
from streams.runtime.configuration import ConfigurationFollower
from tests.fakes.bounds import MemoryBounds, watched
from tests.fakes.stage import unread


@pytest.fixture(autouse=True)
def health() -> Iterator[None]:
    yield
    HEALTH.report("reading alert-configuration", True)
    HEALTH.fail("")


class Client:
    """A topic that says nothing."""

    def assign(self, partitions: object) -> None: ...

    def poll(self, seconds: float) -> None: ...

    def close(self) -> None: ...


def test_rules_that_do_not_come_end_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = MemoryBounds()
    monkeypatch.setattr(
        "streams.runtime.configuration.standstill", lambda *_: watched("alert-configuration", asked)
    )
    monkeypatch.setattr("headwater.kafka.reader", lambda *_, **__: Client())
    settings = load_settings({"chain": {"name": "rules"}}, environ={})
    follower = ConfigurationFollower(settings, unread("alert-configuration"))
    asked.bounds[follower._topic, 0] = Bounds(0, 2)
    follower._run()
    with pytest.raises(Fatal, match="gave no message for 120 s although 2 offsets wait"):
        follower.arrived()
    assert REGISTRY.get_sample_value("headwater_alert_configuration_behind", {"chain": "rules"}) == 1
    assert not HEALTH.checks()["reading alert-configuration"].ok
