"""`headwater up --brokers 3`: everything is there three times, and a broker's death is nobody's business."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest
from confluent_kafka import TopicCollection
from confluent_kafka.admin import ConfigResource, ResourceType

from headwater import kafka
from sandbox.stack.services import Programs
from tests.integration.checks import check_verify
from tests.integration.line import Line

pytestmark = [pytest.mark.soak, pytest.mark.timeout(240)]


def test_three_brokers_hold_every_topic_and_one_may_die(tmp_path: Path, programs: Programs) -> None:
    line = Line(tmp_path, "--brokers", "3", "--traffic", "5")
    try:
        line.start()
        _check_copies(line)
        (victim,) = (each for each in _brokers(line) if each.cwd().endswith("kafka-2"))
        victim.send_signal(signal.SIGKILL)
        number = int(line.rpc("eth_blockNumber"), 16) + 5
        line.wait_until(lambda: (line.visible() or (0, ""))[0] >= number, f"block {number} is visible", 60)
        line.wait_until(lambda: len(_brokers(line)) == 3, "the broker is back", 60)
        line.wait_settled(line.freeze())
        check_verify(line)
        assert line.stop() == 0
        log = (tmp_path / "up.log").read_text()
        assert "kafka-2 died" in log
        assert "kafka-1 died" not in log
    finally:
        line.end()


def _brokers(line: Line) -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process(line.pid).children(recursive=True)
        if "kafka.Kafka" in each.cmdline() and each.status() != psutil.STATUS_ZOMBIE
    ]


def _check_copies(line: Line) -> None:
    """Each topic of the pipeline is on three brokers, and two must hold a message before it counts."""
    admin = kafka.admin(line.settings)
    names = [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]
    assert len(names) > 15
    for described in admin.describe_topics(TopicCollection(names)).values():
        assert {len(partition.replicas) for partition in described.result(timeout=10).partitions} == {3}
    wanted = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    for config in admin.describe_configs(wanted).values():
        assert config.result(timeout=10)["min.insync.replicas"].value == "2"
