"""The bound of a loop's silence follows from what may block, of which there is one list."""

from __future__ import annotations

import importlib

import pytest

from headwater.health import LONGEST_SILENCE_SECONDS
from headwater.settings import load_settings
from headwater.silences import MARGIN, SILENCES, bound_of

CONSTANTS = {
    "streams.runtime.output._CALL_SECONDS": "a call of a transactional producer, a flush",
    "connectors.delivery.topic.transactions._CALL_SECONDS": "a call of a transactional producer, a flush",
    "connectors.evm.log.links.kafka_links._FLUSH_SECONDS": "a call of a transactional producer, a flush",
    "connectors.evm.log.kafka_store._READ_SECONDS": "Kafka tells where a partition ends",
    "connectors.evm.log.links.kafka_links._SECONDS": "Kafka tells where a partition ends",
    "connectors.clickhouse.visibility.loop.KAFKA_SECONDS": "Kafka's administrators' interface answers",
    "connectors.clickhouse.sink.placement.offsets.SECONDS": "Kafka's administrators' interface answers",
    "connectors.clickhouse.sink.dead_letters.SECONDS": "dead letters are acknowledged",
    "connectors.delivery.sender._SECONDS": "attempts are broken off",
    "schemas.client._SECONDS": "the schema registry answers",
    "streams.runtime.assignment._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.batch._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.configuration._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.kafka_retry._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.kafka_watch._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "connectors.clickhouse.sink.retries._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "connectors.clickhouse.visibility.ticks._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.gap.PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.gap._LONGEST_PAUSE_SECONDS": "the pause between two tries",
    "streams.runtime.table_writes._TURN_SECONDS": "a look whether a table's entries are acknowledged",
    "streams.runtime.process._LOOK_SECONDS": "the pause between two tries",
}
"""Time-outs of calls that block, and what the list says of them."""


def seconds(what: str, **settings: object) -> float:
    (found,) = [each for each in SILENCES if each.what == what]
    return found.seconds(load_settings(settings, environ={}))


@pytest.mark.parametrize("constant", CONSTANTS)
def test_no_call_blocks_for_longer_than_the_list_says(constant: str) -> None:
    module, _, name = constant.rpartition(".")
    assert vars(importlib.import_module(module))[name] <= seconds(CONSTANTS[constant])


def test_what_a_process_takes_for_granted_before_it_has_settings_is_what_follows_from_the_usual_ones() -> (
    None
):
    assert bound_of(load_settings(environ={})) == LONGEST_SILENCE_SECONDS


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({"chain": {"request_timeout_seconds": 300}}, 300),
        ({"kafka": {"session_timeout_ms": 120_000}}, 240),
    ],
    ids=["nodes that take their time", "a long session"],
)
def test_settings_that_wait_longer_move_the_bound(given: dict[str, object], least: float) -> None:
    assert bound_of(load_settings(given, environ={})) >= MARGIN * least
