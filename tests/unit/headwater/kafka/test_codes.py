"""What each kind of error allows, and that no other module keeps a list of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from headwater import kafka
from tests.builders.kafka_errors import of_kafka

ROOT = Path(__file__).parents[4]
FOLDERS = ("headwater", "topics", "streams", "connectors", "audit")


@pytest.mark.parametrize(
    "error",
    [
        of_kafka(KafkaError._FENCED),
        of_kafka(KafkaError.INVALID_PRODUCER_EPOCH),
        of_kafka(KafkaError.PRODUCER_FENCED, fatal=True),
    ],
    ids=lambda error: str(error.args[0].name()),
)
def test_another_producer_has_the_id(error: Exception) -> None:
    assert kafka.taken_over(error.args[0])


def test_the_error_that_librdkafka_keeps_raising_is_known_by_its_words() -> None:
    kept = KafkaError(KafkaError._FATAL, "fatal: Producer was fenced by a newer one", fatal=True)
    assert kafka.taken_over(kept)
    assert not kafka.taken_over(KafkaError(KafkaError._FATAL, "fatal: out of order", fatal=True))


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, True),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, True),
        (KafkaError._TRANSPORT, False),
        (KafkaError.NOT_LEADER_FOR_PARTITION, False),
    ],
    ids=["topic", "group", "transport", "leader"],
)
def test_who_may_not_read_never_will(code: int, ends: bool) -> None:
    assert kafka.ends_reading(of_kafka(code).args[0]) is ends
    assert kafka.ends_reading(of_kafka(code, fatal=True).args[0])


def test_a_leader_that_does_not_know_yet_that_it_is_one_may_grant_it_later() -> None:
    assert kafka.passes(of_kafka(KafkaError.UNKNOWN_LEADER_EPOCH).args[0])
    assert kafka.passes(of_kafka(KafkaError.UNKNOWN, retriable=True).args[0])
    assert not kafka.passes(of_kafka(KafkaError.TOPIC_AUTHORIZATION_FAILED).args[0])


def test_codes_stand_in_one_list_each() -> None:
    """Two codes in a row are a list: in `codes`, or of a matter of one module alone, which is named here."""
    own = {"headwater/kafka/codes.py", "connectors/delivery/topic/transactions.py"}
    listed = re.compile(r"KafkaError\.\w+\s*,\s*(?:#.*\n\s*)?KafkaError\.\w+")
    found = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if listed.search(path.read_text())
    }
    assert found == own
