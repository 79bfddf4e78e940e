"""The two agents turn logic into outcomes: streams, keys, headers, placeholders of bad events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headwater.errors import Permanent
from headwater.settings import load_settings
from schemas import codec_for, frame
from streams.agents import enrich, normalize
from streams.logic.event import ChainEvent, Position
from streams.stage import StageContext
from tests.builders.chain_answers import Answer, block, encoded, envelope, log, receipt, transaction
from tests.fakes.stage import unread
from topics.chainlog.envelope import Envelope
from topics.groups import group_of


def same(value: bytes) -> bytes:
    return value


def context(group: str, **environ: str) -> StageContext:
    settings = load_settings(environ=environ)
    return StageContext(settings, group_of(group), lambda stream: frame(len(stream)), unread)


NORMALIZE = normalize.NormalizeStage(context("normalize"), same)
ENRICH = enrich.EnrichStage(context("enrich"), same)
HEADERS = {
    "chain-id": b"31337",
    "sequence": b"1700000000000",
    "traceparent": b"00-" + b"b1" * 16 + b"-" + b"b1" * 8 + b"-01",
}


def raw(own: Envelope, answer: Answer, receipts: list[Answer], parts: int = 1) -> ChainEvent:
    """The event as the listener writes it, its answers cut into `parts` pieces."""
    fields = {name: getattr(own, name) for name in Envelope.__slots__} | {"event": own.event.name}
    answers = {"block": encoded(answer), "receipts": encoded(receipts)}

    def piece(answer: bytes, part: int) -> bytes:
        return answer[len(answer) * part // parts : len(answer) * (part + 1) // parts]

    values = [
        frame(1)
        + codec_for("raw-blocks").write(
            fields
            | {"part": part, "parts": parts}
            | {name: piece(answer, part) for name, answer in answers.items()}
        )
        for part in range(parts)
    ]
    return ChainEvent(own, tuple(values), "local.raw-blocks.v1", 0, tuple(range(parts)))


def example(parts: int = 1) -> ChainEvent:
    answer = block([transaction()])
    return raw(envelope(answer), answer, [receipt(logs=[log()])], parts)


def onward(event: ChainEvent, parts: int = 1) -> ChainEvent:
    """The event as the next stage sees it."""
    (messages,) = NORMALIZE.handle(event).internal
    values = tuple(value for value in messages.values if value is not None)
    assert len(values) == parts
    return replace(event, values=values)


def read(stream: str, value: bytes | None) -> dict[str, Any]:
    assert value is not None
    assert value[:5] == frame(len(stream))
    return codec_for(stream).read(value, 5)


@pytest.mark.parametrize("parts", [1, 3])
def test_normalize_writes_one_event_for_one(parts: int) -> None:
    outcome = NORMALIZE.handle(example(parts))
    assert (outcome.public, outcome.coverage, outcome.table) == ((), None, ())
    (messages,) = outcome.internal
    assert messages.stream == "normalized-blocks"
    assert list(messages.keys) == [b"31337"]
    assert HEADERS.items() <= dict(messages.headers).items()
    event = read("normalized-blocks", messages.values[0])
    assert (len(event["transactions"]), len(event["logs"]), event["part"], event["parts"]) == (1, 1, 0, 1)


def test_a_wrong_block_is_permanent_and_leaves_a_placeholder() -> None:
    answer = block([transaction()])
    event = raw(envelope(answer), answer, [])
    with pytest.raises(Permanent, match="0 receipts for 1 transactions") as caught:
        NORMALIZE.handle(event)
    (messages,) = NORMALIZE.placeholder(event, caught.value).internal
    placed = read("normalized-blocks", messages.values[0])
    assert "0 receipts for 1 transactions" in placed["problem"]
    assert placed["sequence"] == event.envelope.sequence
    outcome = ENRICH.handle(replace(event, values=tuple(value or b"" for value in messages.values)))
    assert outcome.public == []
    assert outcome.coverage is not None
    assert read("coverage", outcome.coverage([]).values[0])["complete"] is False


def test_enrich_writes_public_records_their_coverage_and_the_event() -> None:
    outcome = ENRICH.handle(onward(example()))
    assert [messages.stream for messages in outcome.public] == [
        "transactions",
        "logs",
        "token-transfers",
        "blocks",
    ]
    for messages in outcome.public:
        assert HEADERS.items() <= dict(messages.headers).items()
        assert len(messages.keys) == len(messages.values) == 1
    assert outcome.coverage is not None
    coverage = outcome.coverage([Position("local.logs.v1", 2, 5)])
    assert coverage.stream == "coverage"
    assert read("coverage", coverage.values[0])["offsets"][0]["next_offset"] == 5
    (internal,) = outcome.internal
    assert (internal.stream, list(internal.keys)) == ("enriched-blocks", [b"31337"])
    assert len(read("enriched-blocks", internal.values[0])["transfers"]) == 1


def test_enrich_leaves_a_placeholder_for_bytes_that_are_no_event() -> None:
    event = replace(onward(example()), values=(b"\x00\x00\x00\x00\x11junk",))
    with pytest.raises(Permanent) as caught:
        ENRICH.handle(event)
    outcome = ENRICH.placeholder(event, caught.value)
    assert outcome.public == []
    (internal,) = outcome.internal
    assert read("enriched-blocks", internal.values[0])["problem"] == str(caught.value)


def test_whether_calls_create_contracts_is_a_habit_of_the_chain() -> None:
    answer = block([transaction()])
    (internal,) = NORMALIZE.handle(
        raw(envelope(answer), answer, [receipt(contractAddress="0x" + "c2" * 20)])
    ).internal
    event = ChainEvent(envelope(answer), (internal.values[0] or b"",), "local.normalized-blocks.v1", 0, (0,))
    by_calls = enrich.EnrichStage(context("enrich", HEADWATER_CHAIN__CREATED_BY_CALLS="true"), same)
    found = [{each.stream for each in stage.handle(event).public} for stage in (ENRICH, by_calls)]
    assert found[1] - found[0] == {"contracts"}
