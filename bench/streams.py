"""Normalise and enrich the 23 blocks on one core, without Kafka, beside the least work that could be done."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

from bench import blocks
from bench.report import Row, publish
from headwater.evm.answers.decode import decode_block, decode_receipts
from schemas import codec_for, frame
from streams.logic.enrich.event import enrich
from streams.logic.normalize.event import normalize
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

TARGET = 60_000
ROUNDS = 9
_FRAME = frame(1)


def rows() -> list[Row]:
    """Records (transactions, logs, ERC-20/721 transfers) per second and core."""
    folder = blocks.folder()
    if folder is None:
        return [
            Row(name, None, "records/s/core", note="no real-chain data") for name in ("normalise", "enrich")
        ]
    inputs = [answers(path) for path in sorted(folder.iterdir())]
    events = [envelope(block) for block, _ in inputs]
    values = [_FRAME + normalize(event, *answers)[0] for event, answers in zip(events, inputs, strict=True)]
    return [
        _row(
            "normalise",
            lambda: [normalize(event, *answers) for event, answers in zip(events, inputs, strict=True)],
            "JSON into structs, nothing else",
            lambda: [(decode_block(block), decode_receipts(receipts)) for block, receipts in inputs],
            note="JSON of block and receipts in, Avro out",
        ),
        _row(
            "enrich",
            lambda: [enrich(event, [value], _frame) for event, value in zip(events, values, strict=True)],
            "the same bytes joined",
            _joining(events, values),
            note="Avro in, public messages with keys out; without produce",
        ),
    ]


def _row(name: str, work: Callable[[], object], against: str, limit: Callable[[], object], note: str) -> Row:
    rate, bound = blocks.RECORDS / best(work), blocks.RECORDS / best(limit)
    return Row(
        name,
        rate,
        "records/s/core",
        against=against,
        other=bound,
        target=f"≥ {TARGET:,}",
        met=rate >= TARGET,
        note=note,
    )


def best(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest round: other work on the machine only ever adds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _joining(events: list[Envelope], values: list[bytes]) -> Callable[[], object]:
    """Each public message's bytes out of the pieces they consist of, and nothing decided or read."""
    pieces = []
    for event, value in zip(events, values, strict=True):
        for messages in enrich(event, [value], _frame).public:
            prefix = len(_FRAME) + len(_common(event))
            pieces += [
                (own[:prefix], own[prefix : prefix + 16], own[prefix + 16 :])
                for own in messages.values
                if own is not None
            ]
    return lambda: [b"".join(each) for each in pieces]


def _common(event: Envelope) -> bytes:
    return (
        codec_for("blocks")
        .split()
        .prefix(
            event.chain_id, event.block_number, event.block_hash, event.block_timestamp, event.sequence, False
        )
    )


def _frame(_: str) -> bytes:
    return _FRAME


def answers(folder: Path) -> tuple[bytes, bytes]:
    """Block and receipts as a node sends them: compact JSON."""
    found = []
    for name in ("eth_getBlockByNumber_full", "eth_getBlockReceipts"):
        recorded = json.loads(gzip.decompress((folder / "input" / f"{name}.json.gz").read_bytes()))
        found.append(json.dumps(recorded["response"]["result"], separators=(",", ":")).encode())
    return found[0], found[1]


def envelope(block: bytes) -> Envelope:
    answer = json.loads(block)
    return Envelope(
        event=EventKind.APPLY,
        chain_id=1,
        sequence=1_700_000_000_000,
        claim=0,
        block_number=int(answer["number"], 16),
        block_hash=bytes.fromhex(answer["hash"][2:]),
        parent_hash=bytes.fromhex(answer["parentHash"][2:]),
        block_timestamp=int(answer["timestamp"], 16) * 1000,
        observed_at=1_700_000_000_000,
        source="recorded",
        verified=("header_hash", "parent", "bloom"),
        fresh=False,
        part=0,
        parts=1,
    )


if __name__ == "__main__":
    publish("streams", rows())
