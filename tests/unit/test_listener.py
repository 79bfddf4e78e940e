"""The listener against a node in process and a log in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.evm.answers import NodeFailure
from connectors.evm.event import EventCodec, Kind, Numbered
from connectors.evm.store import Outgoing
from headwater.errors import Fatal, Transient
from headwater.local.node import AdjustableChain, RecordedChain, RecordedNode
from headwater.local.node import faults as f
from headwater.settings import ChainSettings
from tests.listening import (
    CHAIN_ID,
    MemoryStore,
    accepted,
    canonical,
    hashes,
    made_up_apply,
    made_up_head,
    make_rig,
    outgoing,
    stored,
)

FINAL_FAR = {"safe_lag": 1_000, "finalized_lag": 1_000}


def served(
    length: int = 6, *, keeps_orphans: bool = True, first: int = 1, **lags: int
) -> tuple[AdjustableChain, RecordedNode]:
    chain = AdjustableChain.synthetic(length, first=first, keeps_orphans=keeps_orphans)
    return chain, RecordedNode(chain, **({**FINAL_FAR, **lags}))


async def test_it_applies_the_chain_in_order_and_then_each_new_block() -> None:
    chain, node = served(30)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    first = accepted(store)[0]
    assert first.kind is Kind.CLAIM
    assert first.place.fresh
    assert first.place.sequence == 1_700_000_000_000
    assert all(
        not headers or dict(headers)["chain-id"] == b"31337"
        for headers in (message.headers for _, message in store.log)
    )


async def test_answers_are_carried_byte_for_byte() -> None:
    chain, node = served(3)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    applies = [each for each in accepted(store) if each.kind is Kind.APPLY]
    contents = [EventCodec(CHAIN_ID, 7).content([store.log[each.place.offset][1].value]) for each in applies]
    blocks = [chain.by_number(number) for number in (1, 2, 3)]
    assert [each.block for each in contents] == [block.part("block") for block in blocks if block]
    assert [each.receipts for each in contents] == [
        block.part("receipts") or b"[]" for block in blocks if block
    ]
    assert contents[0].verified == ("header_hash", "receipts", "logs_bloom")
    assert contents[1].verified == ("header_hash", "receipts", "logs_bloom", "parent_link")


@pytest.mark.parametrize("keeps_orphans", [True, False])
@pytest.mark.parametrize(("depth", "length"), [(1, 1), (1, 2), (3, 4), (3, 1), (4, 2), (5, 9)])
async def test_it_follows_a_fork_to_any_height(depth: int, length: int, keeps_orphans: bool) -> None:
    chain, node = served(8, keeps_orphans=keeps_orphans)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    orphans = chain.hashes[-depth:]
    chain.fork(depth, length)
    await rig.settle()
    assert hashes(store) == chain.hashes
    reverts = [each for each in accepted(store) if each.kind is Kind.REVERT]
    assert ["0x" + each.head.hash.hex() for each in reverts if each.head] == orphans[::-1]
    codec = EventCodec(CHAIN_ID, 7)
    for each in reverts:
        again = codec.content([store.log[each.place.offset][1].value])
        assert each.head is not None
        applied = next(a for a in accepted(store) if a.kind is Kind.APPLY and a.head == each.head)
        assert again == codec.content([store.log[applied.place.offset][1].value])


async def test_a_node_that_lags_is_waited_for_and_one_that_went_back_is_followed() -> None:
    _chain, node = served(8)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    node.set_head(6)
    for _ in range(4):
        assert not await rig.listener.round()
    assert canonical(store)[-1].number == 8
    await rig.settle()
    assert canonical(store)[-1].number == 6
    node.set_head(None)
    await rig.settle()
    assert canonical(store)[-1].number == 8


async def test_a_fork_below_the_first_published_block_is_followed() -> None:
    chain, node = served(8)
    store = MemoryStore()
    settings_ = ChainSettings(chain_id=CHAIN_ID, start="6")
    rig = make_rig(store, [node], chain=settings_)
    await rig.log.open()
    await rig.settle()
    assert [head.number for head in canonical(store)] == [6, 7, 8]
    chain.fork(5, 7)
    await rig.settle()
    assert [head.number for head in canonical(store)] == [6, 7, 8, 9, 10]
    assert hashes(store) == chain.hashes[5:]
    assert len([each for each in accepted(store) if each.kind is Kind.REVERT]) == 3


async def test_a_chain_that_falls_below_the_first_published_block_waits_and_resumes_there() -> None:
    chain, node = served(8)
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="6"))
    await rig.log.open()
    await rig.settle()
    chain.fork(5, 1)
    await rig.settle()
    assert canonical(store) == []
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="6"))
    await rig.log.open()
    chain.extend(3)
    await rig.settle()
    assert [head.number for head in canonical(store)] == [6, 7]


async def test_finality_names_published_ancestors_and_bounds_memory() -> None:
    chain, node = served(40, safe_lag=4, finalized_lag=8)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    chain.extend(2)
    await rig.settle()
    canonical(store)
    final = [each.head.number for each in accepted(store) if each.kind is Kind.FINALIZED and each.head]
    safe = [each.head.number for each in accepted(store) if each.kind is Kind.SAFE and each.head]
    assert final[-1] == 34
    assert safe[-1] == 38
    assert final == sorted(set(final))
    assert rig.log.cursor.depth == 9
    assert rig.copies.movements[-1] == ("FINALIZED", 34)


@pytest.mark.parametrize(
    "answer",
    [
        f.NullResult(),
        f.CallError(-32602, "unknown block tag"),
        f.CallError(-39001, "Unknown block"),
        f.CallError(-32000, "finalized block not found"),
    ],
    ids=str,
)
async def test_a_chain_without_tags_is_final_at_a_depth(answer: f.Fault) -> None:
    _chain, node = served(40)
    store = MemoryStore()
    depths = ChainSettings(chain_id=CHAIN_ID, start="1", safe_depth=3, finalized_depth=5)
    rig = make_rig(store, [node], chain=depths)
    await rig.log.open()
    rig.transport.tags = {"safe": answer, "finalized": answer}
    await rig.settle()
    last = {each.kind: each.head.number for each in accepted(store) if each.head}
    assert (last[Kind.SAFE], last[Kind.FINALIZED]) == (37, 35)


async def test_a_fork_below_finality_stops_with_an_alarm_and_is_followed_when_accepted() -> None:
    chain, node = served(20, safe_lag=2, finalized_lag=4)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    before = len(store.log)
    chain.fork(10, 12)
    with pytest.raises(Fatal, match=r"--accept-fork 0x[0-9a-f]{64}") as alarm:
        await rig.settle()
    assert len(store.log) == before
    accepted_hash = str(alarm.value).split("--accept-fork ")[1][:66]
    assert accepted_hash == chain.hashes[15]
    wrong = make_rig(store, [node], accept_fork=bytes(32))
    await wrong.log.open()
    with pytest.raises(Fatal, match="below the finalized block 16"):
        await wrong.settle()
    rig = make_rig(store, [node], accept_fork=bytes.fromhex(accepted_hash[2:]))
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes
    chain.fork(1)
    await rig.settle()
    assert hashes(store) == chain.hashes
    finalized = rig.log.cursor.finalized
    assert finalized is not None
    again = make_rig(store, [node])
    await again.log.open()
    assert (again.log.cursor.finalized, again.log.cursor.tip) == (finalized, rig.log.cursor.tip)
    chain.extend()
    await again.settle()
    assert hashes(store) == chain.hashes


async def test_a_restart_goes_on_where_it_stopped_with_the_next_sequence() -> None:
    chain, node = served(6)
    store = MemoryStore()
    for _ in range(3):
        rig = make_rig(store, [node])
        await rig.log.open()
        await rig.settle()
        chain.extend(2)
        chain.fork(1)
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert len([each for each in accepted(store) if each.kind is Kind.CLAIM]) == 3


@pytest.mark.parametrize("lost", [False, True])
async def test_a_failed_write_means_a_new_claim_and_nothing_twice(lost: bool) -> None:
    chain, node = served(6)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    await rig.settle()
    chain.extend(2)
    store.fail_appends, store.lose_answer = 1, lost
    with pytest.raises(Transient):
        await rig.settle()
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes


async def until(fact: Callable[[], bool]) -> None:
    """Lets other tasks run until something is true."""
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110 - the log in memory has no event to wait for
            await asyncio.sleep(0)


async def test_the_run_loop_claims_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, node = served(4)
    store = MemoryStore()
    rig = make_rig(store, [node])
    monkeypatch.setattr("connectors.base.Backoff.next", lambda *_: 0.0)
    task = asyncio.create_task(rig.listener.run())
    await until(lambda: store.bounds()[1] >= 5)
    store.fail_appends = 2
    chain.extend(3)
    await until(lambda: len(canonical(store)) == 7)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await rig.log.close()
    assert hashes(store) == chain.hashes


async def test_an_overruled_listener_notices_and_changes_nothing() -> None:
    chain, node = served(6)
    store = MemoryStore()
    paused = make_rig(store, [node], name="paused")
    await paused.log.open()
    await paused.settle()
    replacement = make_rig(MemoryStore(store.log), [node], name="replacement")
    await replacement.log.open()
    chain.extend(2)
    await replacement.settle()
    with pytest.raises(Fatal, match="replacement"):
        await paused.settle()
    chain.extend(1)
    await replacement.settle()
    assert hashes(store) == chain.hashes


async def test_events_that_slip_in_before_a_claim_are_taken_into_account() -> None:
    chain, node = served(4)
    store = MemoryStore()
    first = make_rig(store, [node])
    await first.log.open()
    await first.settle()
    chain.extend(1)
    late = made_up_apply(made_up_head(5, parent=canonical(store)[-1]))
    claim = stored(store)[0].place
    last = accepted(store)[-1].place.sequence
    store.before_append = outgoing(late, last + 1, claim.offset)
    second = make_rig(store, [node])
    await second.log.open()
    await second.settle()
    assert hashes(store) == chain.hashes
    assert [each.kind for each in stored(store)].count(Kind.CLAIM) == 3


@pytest.mark.parametrize("ahead", [-5, 0, 1, 900])
async def test_two_listeners_that_start_together_on_an_empty_topic_leave_no_gap(ahead: int) -> None:
    chain, node = served(4)
    store = MemoryStore()
    now = 1_700_000_000_000
    rival = EventCodec(CHAIN_ID, 7).claim(Numbered(now - ahead, -1, now, fresh=True), "rival")
    store.before_append = [Outgoing(rival)]
    rig = make_rig(store, [node], now_ms=now)
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes
    first = accepted(store)[0].place.sequence
    assert [each.place.sequence for each in accepted(store)] == [
        first + place for place in range(len(accepted(store)))
    ]


async def test_a_split_block_is_whole_again_when_it_is_reverted() -> None:
    chain, node = served(5)
    store = MemoryStore()
    rig = make_rig(store, [node], part_bytes=700)
    await rig.log.open()
    await rig.settle()
    assert max(each.place.parts for each in accepted(store)) > 2
    chain.fork(3)
    await rig.settle()
    assert hashes(store) == chain.hashes
    again = make_rig(store, [node], part_bytes=700)
    await again.log.open()
    chain.fork(2)
    await again.settle()
    assert hashes(store) == chain.hashes


def _truncated(block: object) -> object:
    assert isinstance(block, dict)
    return {**block, "gasUsed": "0x1"}


BAD: list[tuple[f.Fault, str]] = [
    (f.NullResult(), "eth_getBlockByNumber"),
    (f.NullResult(), "eth_getBlockReceipts"),
    (f.Cut(), "eth_getBlockByNumber"),
    (f.HTML, "eth_getBlockByNumber"),
    (f.Status(503), "eth_getBlockReceipts"),
    (f.too_many_requests(2.0), "eth_getBlockReceipts"),
    (f.Silence(), "eth_getBlockByNumber"),
    (f.Disconnect(), "eth_getBlockReceipts"),
    (f.CallError(-32000, "header not found"), "eth_getBlockReceipts"),
    (f.CallError(-32005, "limit exceeded"), "eth_getBlockByNumber"),
    (f.Changed(_truncated), "eth_getBlockByNumber"),
    (
        f.Changed(lambda receipts: receipts[:-1] if isinstance(receipts, list) else receipts),
        "eth_getBlockReceipts",
    ),
    (f.Result([]), "eth_getBlockReceipts"),
    (f.Result("0x2a"), "eth_chainId"),
    (f.Result({"startingBlock": "0x0"}), "eth_syncing"),
]


@pytest.mark.parametrize(("fault", "method"), BAD, ids=lambda value: str(value)[:40])
async def test_a_bad_answer_is_retried_and_named(
    fault: f.Fault, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, node = served(6)
    node.faults.add(fault, method)
    store = MemoryStore()
    rig = make_rig(store, [node])
    await rig.log.open()
    for _ in range(5):
        await rig.settle()
    assert hashes(store) == chain.hashes
    assert node.faults.taken == 1
    assert "http://node0" in capsys.readouterr().out
    if isinstance(fault, f.Status) and fault.retry_after:
        assert max(rig.pauses) >= fault.retry_after


async def test_a_node_of_another_chain_never_feeds_the_pipeline() -> None:
    chain, node = served(6)
    other = RecordedNode(AdjustableChain.synthetic(9, chain_id=5, seed=3))
    store = MemoryStore()
    rig = make_rig(store, {"http://wrong": other, "http://down": None, "http://right": node})  # type: ignore[dict-item]
    await rig.log.open()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert set(other.calls) == {"eth_chainId"}


@pytest.mark.parametrize("refused", ["hash", "method"])
async def test_receipts_by_number_or_one_by_one_where_a_node_offers_no_better(refused: str) -> None:
    chain, node = served(6)
    if refused == "hash":
        node.faults.add(f.CallError(-32602, "invalid argument 0: hex string"), "eth_getBlockReceipts")
    else:
        node.faults.add(f.CallError(-32601, "the method does not exist"), "eth_getBlockReceipts", times=99)
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="1", prefetch_blocks=1))
    await rig.log.open()
    await rig.settle()
    chain.extend()
    await rig.settle()
    assert hashes(store) == chain.hashes
    assert ("eth_getTransactionReceipt" in node.calls) == (refused == "method")


async def test_a_block_that_changes_between_two_calls_is_fetched_again() -> None:
    chain, node = served(6, keeps_orphans=False)
    node.faults.add(f.Before(lambda: chain.fork(2)), "eth_getBlockReceipts")
    store = MemoryStore()
    rig = make_rig(store, [node], chain=ChainSettings(chain_id=CHAIN_ID, start="6"))
    await rig.log.open()
    for _ in range(4):
        await rig.settle()
    assert hashes(store) == chain.hashes[5:]


@pytest.mark.data
async def test_traces_are_carried_by_setting(shared_data: Path) -> None:
    case = shared_data / "mainnet-contiguous-17686110-17686132" / "17686112"
    recorded = RecordedChain([case], chain_id=1)
    store = MemoryStore()
    wanted = ChainSettings(chain_id=1, start="17686112", traces="callTracer")
    rig = make_rig(store, [RecordedNode(recorded)], chain=wanted)
    await rig.log.open()
    await rig.settle()
    block = recorded.by_number(17686112)
    assert block is not None
    assert EventCodec(1, 7).content([store.log[1][1].value]).traces == block.part("calls")


async def test_traces_that_no_node_offers_stop_the_listener_rather_than_be_missing() -> None:
    _, node = served(3)
    wanted = ChainSettings(chain_id=CHAIN_ID, start="1", traces="trace_block")
    store = MemoryStore()
    rig = make_rig(store, [node], chain=wanted)
    with pytest.raises(Fatal, match=r"no endpoint can serve this chain: .*trace_block.*chain\.traces"):
        await rig.listener.run()
    assert [each.kind for each in stored(store)] == [Kind.CLAIM]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_whatever_happens_the_events_end_with_the_nodes_chain(seed: int) -> None:
    asyncio.run(_storm(random.Random(seed)))


async def _storm(rng: random.Random) -> None:
    """Forks to any height, restarts, failed and lost writes, faults: then the chains are equal."""
    chain, node = served(rng.randint(1, 8), keeps_orphans=rng.random() < 0.5)
    store = MemoryStore()
    first = rng.randint(2, 6)  # block 1 is final from the beginning
    settings_ = ChainSettings(chain_id=CHAIN_ID, start=str(first), prefetch_blocks=3)
    rig, opened = make_rig(store, [node], chain=settings_), False

    def fork() -> None:
        depth = rng.randint(1, len(chain.hashes))
        chain.fork(depth, rng.randint(1, depth + 2))

    def fail() -> None:
        store.fail_appends, store.lose_answer = 1, rng.random() < 0.5

    def fault() -> None:
        node.faults.add(*rng.choice(BAD))

    def fork_between() -> None:
        node.faults.add(f.Before(fork), rng.choice(["eth_getBlockReceipts", "eth_getBlockByNumber"]))

    happenings: list[Callable[[], object]] = [chain.extend, fork, fork, fail, fault, fork_between]
    for _ in range(rng.randint(3, 14)):
        rng.choice(happenings)()
        if rng.random() < 0.2:
            rig, opened = make_rig(store, [node], chain=settings_), False
        for _ in range(2):
            try:
                if not opened:
                    await rig.log.open()
                    opened = True
                await rig.settle()
            except NodeFailure:
                continue
            except Transient:
                opened = False
    store.fail_appends = 0
    if not opened:
        await rig.log.open()
    node.faults.clear()
    for _ in range(8):
        await rig.settle()
    assert hashes(store) == chain.hashes[first - 1 :]
