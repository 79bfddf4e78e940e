"""What a listener reads back of its topic, and how it keeps the topic short."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.events import Content, Event, Head
from connectors.evm.log import tail
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.retention import DAY_MS, Retention
from connectors.evm.log.store import Outgoing
from connectors.evm.log.stored import read_stored
from connectors.evm.log.writer import ChainLog
from headwater.errors import Fatal, Transient
from schemas import Codec, StreamReader, codec_for, frame, schema_of
from schemas.codec.model import Record, parse
from tests.fakes.listening import (
    CHAIN_ID,
    MemoryStore,
    accepted,
    canonical,
    made_up_apply,
    made_up_head,
    outgoing,
    stored,
)
from tests.fakes.log_history import CODEC, facts, finalize, grow, history, opened, revert
from topics.chainlog.claims import LOOK_BACK
from topics.chainlog.kinds import EventKind

EXAMPLES = Path(__file__).parents[5] / "schemas" / "examples" / "raw-blocks"


@given(seed=st.integers(0, 10**9))
def test_the_tail_tells_what_the_whole_log_would(seed: int) -> None:
    store, log = history(random.Random(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "FIRST_WINDOW", 8)
        by_tail, end = tail.load(store, CODEC)
    whole, _ = tail.load(store, CODEC)
    assert end == len(store.log)
    assert facts(by_tail) == facts(whole)
    assert by_tail.branch.tip == log.branch.tip
    assert list(canonical(store))[-1:] == ([log.branch.tip] if log.branch.tip else [])
    written = contents(store)
    for link in by_tail.branch.from_tip(log.branch.depth):
        assert log.branch.link_at(link.head.number) == link
        assert log.content(link) == written[link.head.hash]


def contents(store: MemoryStore) -> dict[bytes, Content]:
    """What the log says last of each block, by reading all of it."""
    found: dict[bytes, Content] = {}
    parts: list[bytes] = []
    for each in accepted(store):
        if each.head is None or not each.kind.carries_block:
            continue
        parts.append(store.log[each.position.offset][1].value)
        if each.position.part == each.position.parts - 1:
            found[each.head.hash] = CODEC.content(parts)
            parts = []
    return found


@given(seed=st.integers(0, 10**9))
def test_a_log_is_never_shortened_beyond_what_a_listener_needs(seed: int) -> None:
    store, log = history(random.Random(seed))
    log.renew_claim()
    before, depth = facts(tail.load(store, CODEC)[0]), log.branch.depth
    store.time_ms += DAY_MS
    log.delete_older(store.time_ms)
    again, _ = tail.load(store, CODEC)
    assert facts(again) == before
    assert [log.content(link) for link in again.branch.from_tip(depth)] == [
        log.content(link) for link in log.branch.from_tip(depth)
    ]


def test_the_lowest_block_is_kept_from_its_apply_on_also_when_it_is_repaired() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 3)
    finalize(log, 2)
    store.time_ms += DAY_MS
    log.renew_claim()
    (*_, lowest) = log.branch.from_tip(3)
    log.publish([Event(EventKind.REPAIR, lowest.head, log.content(lowest))])
    assert log.delete_older(store.time_ms) is None
    assert facts(tail.load(store, CODEC)[0]) == facts(tail.load(MemoryStore(store.log), CODEC)[0])
    assert opened(store).branch.depth == 3


def test_a_reverted_block_says_what_its_repair_said_and_not_what_that_replaced() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 2)
    (link,) = log.branch.from_tip(1)
    old, new = log.content(link), Content(b"new" * 90, b"[1]", b"[2]", "another", ("header_hash",))
    log.publish([Event(EventKind.REPAIR, link.head, new, old)])
    log = opened(store)
    (link,) = log.branch.from_tip(1)
    assert log.content(link) == new
    revert(log, 1)
    assert contents(store)[link.head.hash] == new
    read = [codec_for("raw-blocks").read(message.value, 5) for _, message in store.log]
    repairs = [each for each in read if each["event"] == "REPAIR"]
    assert len(repairs) > 2
    assert b"".join(bytes(each["replaced_block"] or b"") for each in repairs) == old.block
    assert b"".join(bytes(each["replaced_receipts"] or b"") for each in repairs) == old.receipts
    assert {each["parent_hash"] for each in repairs} == {link.head.parent}
    assert all(each["replaced_block"] is None for each in read if each["event"] == "REVERT")


def test_an_answer_that_is_the_same_again_is_not_said_to_be_replaced() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 1)
    (link,) = log.branch.from_tip(1)
    old = log.content(link)
    log.publish([Event(EventKind.REPAIR, link.head, replace(old, receipts=b"[1]"), old)])
    last = codec_for("raw-blocks").read(store.log[-1][1].value, 5)
    assert (last["replaced_block"], last["replaced_receipts"]) == (None, old.receipts)


def test_what_was_written_before_there_were_repairs_is_read_on() -> None:
    before = json.loads((EXAMPLES / "v1.avsc").read_text())
    root, _ = parse(before)
    assert isinstance(root, Record)
    writer = Codec("raw-blocks", root)
    known = {7: schema_of("raw-blocks"), 6: before}
    codec = EventCodec(CHAIN_ID, 7, reader=StreamReader("raw-blocks", known.get))
    store = MemoryStore()
    log = opened(store)
    grow(log, 3)
    store.log = [
        (offset, Outgoing(frame(6) + writer.write(codec_for("raw-blocks").read(message.value, 5))))
        for offset, message in store.log
    ]
    again = ChainLog(store, codec, "newer", lambda: 1_700_000_000_000)
    again.open()
    assert again.branch.tip == log.branch.tip
    (link,) = again.branch.from_tip(1)
    assert again.content(link).block == b"b" * 10


def test_a_window_that_begins_inside_a_split_block_passes_it_over() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 100, size=900)
    finalize(log, 2)
    start = len(store.log) - 40
    messages = read_stored(store, CODEC, start - LOOK_BACK, len(store.log))
    assert next(iter(CODEC.read(list(store.read(start, start + 1))))).position.part != 0
    published = tail.fold(messages, start, 0, CHAIN_ID)
    assert published.branch.tip == log.branch.tip


def test_a_log_of_another_chain_is_refused() -> None:
    store = MemoryStore()
    opened(store)
    with pytest.raises(Fatal, match="raw-blocks is of chain 31337, the node of chain 5"):
        ChainLog(store, EventCodec(5, 7), "x", lambda: 1).open()


def test_a_gap_in_the_log_is_fatal() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 2)
    store.append(outgoing(made_up_apply(made_up_head(3)), log.sequence + 2, log.claim))
    with pytest.raises(Fatal, match="raw-blocks has a gap before offset 3"):
        opened(store)


def test_a_log_that_lost_messages_is_read_again() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 3)
    del store.log[2:]
    with pytest.raises(Transient, match="went back to offset 2"):
        grow(log, 1)


def test_an_unopened_log_says_so() -> None:
    with pytest.raises(Fatal, match="not opened"):
        _ = ChainLog(MemoryStore(), CODEC, "x", lambda: 1).branch


def test_the_front_is_deleted_up_to_a_claim_once_final_and_old() -> None:
    store = MemoryStore()
    log = opened(store)
    retention = Retention(lambda: store.time_ms)
    for _ in range(12):
        grow(log, 3)
        finalize(log, 1)
        store.time_ms += DAY_MS
        assert retention.due()
        retention.maintain(log)
        assert not retention.due()
    assert 0 < store.trimmed < len(store.log)
    first = stored(store)[0]
    assert first.kind is EventKind.CLAIM
    assert store.times[store.trimmed] <= store.time_ms - 7 * DAY_MS
    assert [each.kind for each in accepted(store)].count(EventKind.CLAIM) >= 7
    again = opened(store)
    assert again.branch.tip == log.branch.tip
    grow(again, 1)


def test_a_listener_that_is_started_again_every_day_deletes_what_is_old_all_the_same() -> None:
    store = MemoryStore()
    for _ in range(12):
        log = opened(store)
        grow(log, 3)
        finalize(log, 1)
        retention = Retention(lambda: store.time_ms)
        assert retention.due()
        retention.maintain(log)
        assert not retention.due()
        store.time_ms += DAY_MS - 1
    assert store.trimmed > 0
    assert len([each for each in stored(store) if each.kind is EventKind.CLAIM]) < 12, "one a start, no more"


def test_what_is_not_final_is_kept_however_old() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 2)
    finalize(log, 1)
    retention = Retention(lambda: store.time_ms)
    for _ in range(20):
        grow(log, 1)
        store.time_ms += DAY_MS
        retention.maintain(log)
    assert store.trimmed == 0


def test_a_fenced_listener_does_not_renew_its_claim() -> None:
    store = MemoryStore()
    log = opened(store, "old")
    grow(log, 2)
    opened(store, "new")
    with pytest.raises(Fatal, match=r"another listener \(new\)"):
        log.renew_claim()
    assert stored(store)[-1].source == "new"


def test_an_unknown_kind_of_a_newer_version_is_counted_and_passed_over() -> None:
    store = MemoryStore()
    log = opened(store)
    grow(log, 1)
    (message,) = outgoing(Event(EventKind.SAFE, log.branch.tip), log.sequence + 1, log.claim)
    unknown = message.value.replace(b"\x08", b"\x00", 1) if message.value[5] == 8 else message.value
    assert unknown != message.value
    store.append([type(message)(unknown)])
    again = opened(store)
    assert again.branch.tip == log.branch.tip
    assert again.sequence == log.sequence + 2


def test_headers_carry_a_trace_named_by_the_block() -> None:
    store = MemoryStore()
    log = opened(store)
    head = Head(1, bytes(range(32)), bytes(32), 0)
    log.publish([made_up_apply(head)])
    headers = dict(store.log[-1][1].headers)
    assert headers["traceparent"] == (b"00-000102030405060708090a0b0c0d0e0f-1011121314151617-01")
    assert headers["sequence"] == str(log.sequence).encode()
