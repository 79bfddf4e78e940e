"""No block that a chain can hold is too much: every message fits its topic, and nothing is left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.settings import load_settings
from schemas import codec_for, frame
from streams.agents import aggregate, enrich, normalize, state
from streams.logic.enrich.event import Enriched
from streams.logic.enrich.event import enrich as enriched
from streams.logic.event import ChainEvent
from streams.logic.normalize.event import normalize as normalized
from streams.runtime.sizes import refuse_too_large
from streams.stage import StageContext
from tests.builders.chain_answers import encoded, envelope
from tests.builders.hostile_blocks import WORST, Made, batches, call_data, plain_logs
from tests.fakes.stage import current
from topics.chainlog.envelope import Envelope
from topics.chainlog.parts import split_answers
from topics.groups import group_of

BLOCK_GAS = 60_000_000
ARRAYS = ("transactions", "logs", "transfers", "contracts")
FRAME = frame(1)


def context(group: str) -> StageContext:
    return StageContext(load_settings(environ={}), group_of(group), lambda _: FRAME, current)


def raw(made: Made) -> ChainEvent:
    """The event as the listener writes it."""
    answer, receipts = made
    own = envelope(answer)
    fields = {name: getattr(own, name) for name in Envelope.__slots__} | {"event": own.event.name}
    pieces = split_answers((encoded(answer), encoded(receipts)))
    values = [
        FRAME
        + codec_for("raw-blocks").write(
            fields | {"part": part, "parts": len(pieces), "block": piece[0], "receipts": piece[1]}
        )
        for part, piece in enumerate(pieces)
    ]
    return ChainEvent(own, tuple(values), "raw", 0, tuple(range(len(values))))


@pytest.mark.parametrize("kind", WORST)
def test_every_message_of_a_full_block_fits_its_topic(kind: str) -> None:
    event = raw(WORST[kind](BLOCK_GAS))
    outcome = normalize.NormalizeStage(context("normalize"), lambda value: value).handle(event)
    refuse_too_large(outcome)
    values = tuple(value or b"" for value in outcome.internal[0].values)
    onward = ChainEvent(event.envelope, values, "normalized", 0, tuple(range(len(values))))
    outcome = enrich.EnrichStage(context("enrich"), lambda value: value).handle(onward)
    refuse_too_large(outcome)
    enriched_values = tuple(value or b"" for value in outcome.internal[0].values)
    further = ChainEvent(event.envelope, enriched_values, "enriched", 0, tuple(range(len(enriched_values))))
    for stage in (
        state.StateStage(context("state"), lambda value: value),
        aggregate.AggregateStage(context("aggregate")),
    ):
        last = stage.handle(further)
        refuse_too_large(last)
        assert last.table or last.state
    if kind == "batches":
        assert (
            sum(map(len, values))
            < 16 * 2**20
            < 32 * 2**20
            < sum(len(each or b"") for each in outcome.internal[0].values)
        )


def content(value: bytes) -> dict[str, Any]:
    return codec_for("enriched-blocks").read(value, 5)


def one_after_the_other(result: Enriched) -> dict[str, list[Any]]:
    """The records of all parts."""
    parts = [content(value) for value in result.values]
    assert [(each["part"], each["parts"]) for each in parts] == [(n, len(parts)) for n in range(len(parts))]
    assert all(each["header"] == parts[0]["header"] is not None for each in parts)
    return {name: [record for each in parts for record in each[name]] for name in ARRAYS}


MADE = st.one_of(
    st.builds(batches, st.integers(21_000, 900_000), st.integers(1, 120)),
    st.builds(plain_logs, st.integers(21_000, 200_000), st.integers(0, 300)),
    st.builds(call_data, st.integers(21_000, 200_000), st.integers(1, 5)),
)


@given(MADE, st.integers(1_000, 20_000))
def test_parts_hold_what_the_block_holds_and_no_more_than_they_may(made: Made, part_bytes: int) -> None:
    answer, receipts = made
    own = envelope(answer)

    def result(limit: int) -> Enriched:
        bodies = normalized(own, encoded(answer), encoded(receipts), part_bytes=limit)
        values = [FRAME + body for body in bodies]
        return enriched(own, values, lambda _: FRAME, part_bytes=limit)

    whole, parts = result(1 << 30), result(part_bytes)
    assert len(whole.values) == 1
    assert one_after_the_other(parts) == one_after_the_other(whole)
    assert parts.public == whole.public
    for value in parts.values:
        records = [record for name in ARRAYS for record in content(value)[name]]
        assert len(value) <= part_bytes + 1_000 or len(records) == 1
