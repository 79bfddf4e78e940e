"""Bytes of internal events that were corrupted: every stage refuses them with a reason, and goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Permanent
from headwater.settings import load_settings
from schemas import codec_for
from schemas.errors import MalformedRecord
from streams.agents import aggregate, enrich, normalize, state
from streams.logic.event import ChainEvent
from streams.stage import Stage, StageContext
from tests.builders.chain_answers import block, encoded, envelope, log, receipt, transaction
from tests.builders.raw_events import FRAME, raw_event
from tests.fakes.stage import current
from topics.chainlog.envelope import read_envelope
from topics.groups import group_of

BLOCK = block([transaction(0), transaction(1)])
RECEIPTS = [receipt(0, [log(0, 0)]), receipt(1, [log(1, 1)])]
EVENT = raw_event(envelope(BLOCK), encoded(BLOCK), encoded(RECEIPTS))


def context(group: str) -> StageContext:
    return StageContext(load_settings(environ={}), group_of(group), lambda _: FRAME, current)


def _stage(name: str) -> Stage:
    match name:
        case "normalize":
            return normalize.NormalizeStage(context(name), lambda value: value)
        case "enrich":
            return enrich.EnrichStage(context(name), lambda value: value)
        case "state":
            return state.StateStage(context(name), lambda value: value)
        case _:
            return aggregate.AggregateStage(context(name))


def _after(name: str, value: bytes) -> bytes:
    made = _stage(name).handle(ChainEvent(EVENT.envelope, (value,), "t", 0, (0,))).internal[0].values[0]
    assert made is not None
    return made


RAW = EVENT.values[0]
NORMALIZED = _after("normalize", RAW)
ENRICHED = _after("enrich", NORMALIZED)
READ = {
    "normalize": ("raw-blocks", RAW),
    "enrich": ("normalized-blocks", NORMALIZED),
    "state": ("enriched-blocks", ENRICHED),
    "aggregate": ("enriched-blocks", ENRICHED),
}


def _handle(name: str, value: bytes) -> None:
    """As the runtime does it: what a stage refuses it states a placeholder of."""
    try:
        own = read_envelope(value, READ[name][0])
    except Permanent:
        return
    event = ChainEvent(own, (value,), "t", 0, (0,))
    try:
        outcome = _stage(name).handle(event)
    except Permanent as problem:
        outcome = _stage(name).placeholder(event, problem)
    if outcome.coverage is not None:
        outcome.coverage([])


@pytest.mark.parametrize("name", READ)
@given(data=st.data())
def test_what_bytes_became_ends_no_stage(name: str, data: st.DataObject) -> None:
    value = bytearray(READ[name][1])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(5, len(value) - 1))
        value[at : at + data.draw(st.sampled_from([0, 1, 1, 1, 4]))] = data.draw(st.binary(max_size=4))
    _handle(name, bytes(value))


def _with(stream: str, value: bytes, array: str, field: str, wrong: object) -> bytes:
    codec = codec_for(stream)
    content = codec.read(value, len(FRAME))
    if array:
        rows = content[array]
        assert isinstance(rows, list)
        rows[0][field] = wrong
    else:
        content[field] = wrong
    return FRAME + codec.write(content)


@pytest.mark.parametrize(
    "text",
    ["100000/007", "", "1_0", " 1", "-1", "٣", "9" * 5_000],
    ids=["a sign within", "empty", "an underscore", "a space", "below zero", "another script", "without end"],
)
@pytest.mark.parametrize("name", ["state", "aggregate"])
def test_a_price_that_is_none_is_named(name: str, text: str) -> None:
    value = _with("enriched-blocks", ENRICHED, "transactions", "receipt_effective_gas_price", text)
    with pytest.raises(Permanent, match="receipt_effective_gas_price is ") as caught:
        _stage(name).handle(ChainEvent(EVENT.envelope, (value,), "t", 0, (0,)))
    assert text[:50] in str(caught.value)


@pytest.mark.parametrize("name", ["enrich", "state"])
def test_a_place_that_is_none_is_named(name: str) -> None:
    stream, value = READ[name]
    spoilt = _with(stream, value, "transactions", "transaction_index", -1)
    with pytest.raises(Permanent, match="TRANSACTION has index -1"):
        _stage(name).handle(ChainEvent(EVENT.envelope, (spoilt,), "t", 0, (0,)))


@pytest.mark.parametrize("field", ["chain_id", "sequence", "block_number"])
def test_an_envelope_with_a_negative_number_is_none(field: str) -> None:
    with pytest.raises(MalformedRecord, match=f"{field} -1 is negative"):
        read_envelope(_with("raw-blocks", RAW, "", field, -1), "raw-blocks")
