"""The aggregate stage from enriched blocks to messages; whichever call it dies at, it says the same."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pytest

from headwater.errors import Permanent
from headwater.settings import load_settings
from schemas import HEADER_SIZE, codec_for, frame, schema_of
from streams.agents.aggregate import AggregateStage, build
from streams.logic.event import ChainEvent
from streams.runtime.assembler import Incoming
from streams.stage import Outcome, StageContext
from tests.builders.stage_lives import StageLives
from tests.builders.statistics import hash_of
from tests.fakes.stage import current
from tests.fakes.transactions import Brokers
from topics.catalog import topic_name
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.groups import group_of

START = 1_700_002_800_000  # a whole hour
STATISTICS = ("chain-stats", "token-stats", "contract-stats", "incomplete-windows")
TOKEN, ROUTER, PAYER, NOBODY = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20, bytes(20)
HASH = b"h" * 32


def _envelope(kind: EventKind, sequence: int, number: int, name: str = "", seconds: int = 0) -> Envelope:
    return Envelope(
        event=kind,
        chain_id=1,
        sequence=sequence,
        claim=0,
        block_number=number,
        block_hash=hash_of(name or str(number)),
        parent_hash=hash_of(str(number - 1)),
        block_timestamp=START + seconds * 1_000,
        observed_at=1,
        source=None,
        verified=(),
        fresh=False,
        part=0,
        parts=1,
    )


HEADER = {
    **dict.fromkeys(("parent_hash", "sha3_uncles", "transactions_root", "state_root", "receipts_root"), HASH),
    **{"miner": NOBODY, "difficulty": "0", "extra_data": b"", "gas_limit": 30_000_000, "gas_used": 171_000},
    **{"transaction_count": 3, "base_fee_per_gas": "7", "uncles": []},
}


def _transaction(index: int, target: bytes | None, data: bytes, gas: int, **more: Any) -> dict[str, Any]:
    return {
        **{"hash": HASH, "transaction_index": index, "from_address": PAYER, "to_address": target},
        **{"nonce": 0, "value": "0", "gas": 100_000, "input": data, "transaction_type": 2},
        **{"receipt_cumulative_gas_used": 0, "receipt_gas_used": gas, "receipt_status": 1},
        **{"receipt_effective_gas_price": "10", "receipt_log_count": 0, **more},
    }


def _transfer(index: int, source: bytes, target: bytes, value: int) -> dict[str, Any]:
    return {
        **{"log_index": index, "batch_index": 0, "transaction_hash": HASH, "transaction_index": 0},
        **{"token_address": TOKEN, "token_standard": "ERC20", "operator": None, "from_address": source},
        **{"to_address": target, "token_id": None, "value": str(value), "amount": None},
    }


BLOCK: dict[str, Any] = {
    "header": HEADER,
    "transactions": [
        _transaction(0, ROUTER, b"\xaa", 100_000),
        _transaction(1, ROUTER, b"\xbb", 50_000, receipt_status=0),
        _transaction(2, PAYER, b"", 21_000, receipt_blob_gas_used=131_072, receipt_blob_gas_price="3"),
    ],
    "logs": [
        {
            **{"log_index": n, "transaction_hash": HASH, "transaction_index": 0},
            **{"address": address, "topics": [], "data": b""},
        }
        for n, address in enumerate((TOKEN, TOKEN, ROUTER))
    ],
    "transfers": [
        _transfer(0, NOBODY, PAYER, 2**256 - 1),
        _transfer(1, PAYER, ROUTER, 5),
        _transfer(2, PAYER, NOBODY, 1),
    ],
    "contracts": [],
}


def _value(envelope: Envelope, content: dict[str, Any]) -> bytes:
    record = {name: getattr(envelope, name) for name in envelope.__slots__}
    record |= {"event": envelope.event.name, "verified": [], **content}
    return frame(7) + codec_for("enriched-blocks").write(record)


def _event(envelope: Envelope, content: dict[str, Any]) -> ChainEvent:
    return ChainEvent(envelope, (_value(envelope, content),), "enriched", 0, (envelope.sequence,))


def _read(outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    """(stream, key) → record, as fastavro reads it."""
    found = {}
    for messages in outcome.public:
        schema = fastavro.parse_schema(schema_of(messages.stream))
        for key, value in zip(messages.keys, messages.values, strict=True):
            assert value is not None
            body = io.BytesIO(value[HEADER_SIZE:])
            record: Any = fastavro.schemaless_reader(body, schema, None)
            assert not body.read()
            found[messages.stream, key.decode()] = record
    return found


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    return StageContext(settings, group_of("aggregate"), lambda _: frame(9), current)


@pytest.fixture
def stage(context: StageContext) -> AggregateStage:
    made = build(context)
    assert made.restore({}) is None
    return made


def test_a_block_gives_the_chain_its_tokens_and_its_contracts(stage: AggregateStage) -> None:
    rows = _read(stage.handle(_event(_envelope(EventKind.APPLY, 100, 0), BLOCK)))
    assert {key for _, key in rows} == {
        *(f"{window}:{START}" for window in (60, 3600)),
        *(f"0x{each.hex()}:{window}:{START}" for each in (TOKEN, ROUTER) for window in (60, 3600)),
    }
    chain = rows["chain-stats", f"60:{START}"]
    assert (
        chain.items()
        >= {
            **{"removed": False, "complete": True, "final": False, "block_count": 1, "transaction_count": 3},
            **{
                "failed_transaction_count": 1,
                "gas_used": 171_000,
                "fees": "1710000",
                "burnt_fees": "1197000",
            },
            **{"blob_gas_used": 131_072, "blob_fees": "393216", "log_count": 3, "token_transfer_count": 3},
            **{"base_fee_min": "7", "base_fee_max": "7", "base_fee_avg": "7"},
        }.items()
    )
    assert chain["window_start"].timestamp() * 1_000 == START
    token = rows["token-stats", f"0x{TOKEN.hex()}:3600:{START}"]
    assert (
        token.items()
        >= {
            **{"transfer_count": 3, "amount": "5", "amount_overflow": True, "mint_count": 1, "burn_count": 1},
            "token_address": TOKEN,
        }.items()
    )
    names = ("log_count", "call_count", "failed_call_count", "gas_used")
    router = rows["contract-stats", f"0x{ROUTER.hex()}:60:{START}"]
    assert [router[name] for name in names] == [1, 2, 1, 150_000]
    emitter = rows["contract-stats", f"0x{TOKEN.hex()}:60:{START}"]
    assert [emitter[name] for name in names] == [2, 0, 0, 0]
    identities = [row["event_id"] for row in rows.values()]
    assert len(set(identities)) == len(identities)


def test_a_revert_takes_back_what_was_given_whatever_it_carries(stage: AggregateStage) -> None:
    stage.handle(_event(_envelope(EventKind.APPLY, 100, 0), BLOCK))
    rows = _read(stage.handle(_event(_envelope(EventKind.REVERT, 101, 0), {})))
    assert {row["removed"] for row in rows.values()} == {True}
    assert {row["sequence"] for row in rows.values()} == {101}
    assert rows["chain-stats", f"60:{START}"]["block_count"] == 0


def test_a_placeholder_leaves_its_windows_incomplete_until_it_is_repaired(stage: AggregateStage) -> None:
    stage.handle(_event(_envelope(EventKind.APPLY, 100, 0), BLOCK))
    rows = _read(
        stage.handle(_event(_envelope(EventKind.APPLY, 101, 1, seconds=12), {"problem": "unreadable"}))
    )
    assert not rows["chain-stats", f"60:{START}"]["complete"]
    failed = _envelope(EventKind.REPAIR, 102, 1, seconds=12)
    assert not _read(stage.handle(_event(failed, {"problem": "again"})))
    repair = replace(failed, sequence=103)
    repaired = _read(stage.handle(_event(repair, BLOCK)))["chain-stats", f"60:{START}"]
    assert (repaired["complete"], repaired["block_count"], repaired["sequence"]) == (True, 2, 103)


def test_a_block_without_header_is_refused_before_anything_is_remembered(stage: AggregateStage) -> None:
    event = _event(_envelope(EventKind.APPLY, 100, 0), {})
    with pytest.raises(Permanent, match="neither header nor problem"):
        stage.handle(event)
    rows = _read(stage.placeholder(event, Permanent("no header")))
    assert not rows["chain-stats", f"60:{START}"]["complete"]


def _life() -> list[Incoming]:
    """Windows open, close and become final; a fork, a dead letter, a repair, and one that is too late."""
    kinds = EventKind
    small = {**BLOCK, "transactions": [], "logs": BLOCK["logs"][:1], "transfers": []}
    told: list[tuple[Envelope, dict[str, Any]]] = [
        (_envelope(kinds.APPLY, 10, 0), small),
        (_envelope(kinds.APPLY, 11, 1, seconds=2), BLOCK),
        (_envelope(kinds.REVERT, 12, 1, seconds=2), {}),
        (_envelope(kinds.APPLY, 13, 1, "other", seconds=30), small),
        (_envelope(kinds.APPLY, 14, 2, seconds=61), {}),  # no header: a dead letter
        (_envelope(kinds.REPAIR, 15, 1, "other", seconds=30), BLOCK),
        (_envelope(kinds.APPLY, 16, 3, seconds=190), small),
        (_envelope(kinds.FINALIZED, 17, 2, seconds=61), {}),
        (_envelope(kinds.REPAIR, 18, 0), BLOCK),
        (_envelope(kinds.APPLY, 19, 4, seconds=3_700), small),
        (_envelope(kinds.FINALIZED, 20, 4, seconds=3_700), {}),
    ]
    return [
        Incoming("enriched", 0, offset, b"1", _value(envelope, content), ())
        for offset, (envelope, content) in enumerate(told)
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_whichever_call_it_dies_at_it_says_and_remembers_the_same(
    context: StageContext, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    lives, told = StageLives(context, build, monkeypatch), _life()
    streams = (*STATISTICS, "aggregate-state", "dead-letters")

    def seen(brokers: Brokers) -> dict[str, list[Any]]:
        topics = {each: topic_name(context.settings, each) for each in streams}
        return {each: sorted(brokers.topics.get(name, ()), key=repr) for each, name in topics.items()}

    undisturbed = lives.run(told, 3, Brokers())
    expected = seen(undisturbed)
    assert all(expected[each] for each in streams), "there is something to compare"
    for call in range(1, undisturbed.calls + 1):
        disturbed = lives.run(told, 3, Brokers(at_call=call, after=after))
        assert seen(disturbed) == expected, f"killed at call {call}"
