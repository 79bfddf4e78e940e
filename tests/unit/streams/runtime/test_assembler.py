"""How a stage's events are assembled: claims, repeats, gaps, parts; and the envelope that is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Permanent
from schemas import codec_for
from schemas.wire import frame
from streams.runtime.assembler import EventAssembler, Incoming, Start
from tests.builders.stage_events import envelope, value_of
from topics.chainlog.claims import Verdict
from topics.chainlog.envelope import Envelope, read_envelope
from topics.chainlog.kinds import EventKind


def message(offset: int) -> Incoming:
    return Incoming("topic", 0, offset, b"1", b"value %d" % offset, ())


def judged(assembler: EventAssembler, *events: tuple[int, Envelope]) -> list[Verdict]:
    return [assembler.judge(each, message(offset))[0] for offset, each in events]


def test_repeats_are_dropped_and_gaps_found() -> None:
    assembler = EventAssembler(Start(last=9), fenced=False)
    verdicts = judged(
        assembler,
        (0, envelope(9)),
        (1, envelope(10)),
        (2, envelope(10)),
        (3, envelope(12)),
        (4, envelope(11)),
    )
    assert verdicts == [Verdict.REPEAT, Verdict.ACCEPT, Verdict.REPEAT, Verdict.GAP, Verdict.ACCEPT]
    assert (assembler.last, assembler.position) == (11, 5)


def test_without_a_past_any_event_is_the_first() -> None:
    assembler = EventAssembler(Start(), fenced=False)
    assert judged(assembler, (7, envelope(50)), (8, envelope(52))) == [Verdict.ACCEPT, Verdict.GAP]
    assert assembler.peek(envelope(52), message(8)) is Verdict.GAP
    assert assembler.peek(envelope(51), message(8)) is Verdict.ACCEPT
    assert assembler.last == 50


def test_parts_make_one_event_and_a_writer_may_start_again() -> None:
    assembler = EventAssembler(Start(last=9), fenced=False)
    parts = [envelope(10, part=part, parts=3) for part in range(3)]
    assert judged(assembler, (0, parts[0]), (1, parts[1])) == [Verdict.ACCEPT, Verdict.ACCEPT]
    assert assembler.parts_held == 2
    assert judged(assembler, (2, parts[0]), (3, parts[1])) == [Verdict.REPEAT, Verdict.REPEAT]
    verdict, event = assembler.judge(parts[2], message(4))
    assert verdict is Verdict.ACCEPT
    assert event is not None
    assert event.values == (b"value 0", b"value 1", b"value 4")
    assert event.offsets == (0, 1, 4)
    assert assembler.parts_held == 0


def test_a_missing_part_is_a_gap() -> None:
    assembler = EventAssembler(Start(last=9), fenced=False)
    assert judged(assembler, (0, envelope(10, part=1, parts=2))) == [Verdict.GAP]


def test_events_of_an_fenced_listener_do_not_exist() -> None:
    assembler = EventAssembler(Start(last=9, claim=100), fenced=True)
    claim = replace(envelope(11), event=EventKind.CLAIM, claim=-1)
    verdicts = judged(
        assembler,
        (200, replace(envelope(10), claim=100)),
        (201, claim),
        (202, replace(envelope(12), claim=100)),
        (203, replace(envelope(12), claim=201)),
    )
    assert verdicts == [Verdict.ACCEPT, Verdict.ACCEPT, Verdict.STALE, Verdict.ACCEPT]
    assert assembler.claim == 201


def test_a_claim_abandons_the_parts_of_its_predecessor() -> None:
    assembler = EventAssembler(Start(last=9, claim=100), fenced=True)
    half = replace(envelope(10, part=0, parts=2), claim=100)
    claim = replace(envelope(10), event=EventKind.CLAIM, claim=-1)
    block = replace(envelope(11, part=0, parts=2), claim=6)
    assert judged(assembler, (5, half), (6, claim), (7, block)) == [
        Verdict.ACCEPT,
        Verdict.ACCEPT,
        Verdict.ACCEPT,
    ]
    _, event = assembler.judge(replace(block, part=1), message(8))
    assert event is not None
    assert event.offsets == (7, 8)


def test_a_fresh_numbering_goes_on_downstream() -> None:
    assembler = EventAssembler(Start(last=9), fenced=False)
    fresh = replace(envelope(5_000), event=EventKind.CLAIM, fresh=True)
    assert judged(assembler, (0, fresh), (1, envelope(5_001))) == [Verdict.ACCEPT, Verdict.ACCEPT]


_HASH = st.one_of(st.none(), st.binary(min_size=32, max_size=32))
_LONG = st.integers(-(2**63), 2**63 - 1)
_NATURAL = st.integers(0, 2**63 - 1)
_INT = st.integers(-(2**31), 2**31 - 1)


@given(
    st.builds(
        Envelope,
        event=st.sampled_from(EventKind),
        chain_id=_NATURAL,
        sequence=_NATURAL,
        claim=_LONG,
        block_number=st.one_of(st.none(), _NATURAL),
        block_hash=_HASH,
        parent_hash=_HASH,
        block_timestamp=st.one_of(st.none(), _LONG),
        observed_at=_LONG,
        source=st.one_of(st.none(), st.text()),
        verified=st.lists(st.text(), max_size=3).map(tuple),
        fresh=st.booleans(),
        part=_INT,
        parts=_INT,
    )
)
def test_the_envelope_is_what_the_codec_wrote(expected: Envelope) -> None:
    for stream in ("raw-blocks", "normalized-blocks", "enriched-blocks"):
        assert read_envelope(value_of(expected, stream), stream) == expected


@pytest.mark.parametrize("cut", [0, 3, 5, 6, 20, 40])
def test_a_value_that_ends_too_soon_is_permanent(cut: int) -> None:
    value = value_of(replace(envelope(10), block_number=1, block_hash=bytes(32)), "normalized-blocks")
    with pytest.raises(Permanent, match="normalized-blocks"):
        read_envelope(value[:cut], "normalized-blocks")


@given(st.binary(max_size=80))
def test_garbage_is_permanent_or_an_envelope(garbage: bytes) -> None:
    try:
        found: Any = read_envelope(frame(1) + garbage, "raw-blocks")
    except Permanent:
        found = None
    assert found is None or isinstance(found, Envelope)


def test_every_internal_stream_starts_with_the_envelope() -> None:
    for stream in ("raw-blocks", "normalized-blocks", "enriched-blocks"):
        assert codec_for(stream).names[: len(Envelope.__slots__)] == tuple(Envelope.__slots__)
