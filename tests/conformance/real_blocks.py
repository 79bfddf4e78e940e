"""The real blocks of the shared data, as events of raw-blocks would carry them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas import codec_for
from streams.logic.normalize.event import normalize
from tests.paths import DATA
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

_BLOCK, _RECEIPTS = "eth_getBlockByNumber_full.json.gz", "eth_getBlockReceipts.json.gz"
SEQUENCE = 1_700_000_000_000


@dataclass(frozen=True)
class Case:
    """`name` as a test's id; `receipts` None where the data has none; `expected` the folder of peer rows."""

    name: str
    block: Path
    receipts: Path | None
    expected: Path | None


def cases() -> Iterator[Case]:
    """Every block with full transactions."""
    for block in sorted(DATA.rglob(f"*{_BLOCK}")):
        receipts = block.with_name(block.name.replace(_BLOCK, _RECEIPTS))
        expected = block.parent.parent / "expected_etl"
        name = str(block.relative_to(DATA)).removesuffix(_BLOCK).rstrip("/.")
        yield Case(
            name,
            block,
            receipts if receipts.exists() else None,
            expected if expected.is_dir() else None,
        )


def answer(path: Path) -> Any:
    """The result of a recorded call."""
    return json.loads(gzip.decompress(path.read_bytes()))["response"]["result"]


def rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a peer's, one JSON object a line."""
    opened = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in opened.splitlines() if line.strip()]


def envelope(block: dict[str, Any], event: EventKind = EventKind.APPLY, sequence: int = SEQUENCE) -> Envelope:
    """The event of a block; its chain id as its transactions say it."""
    chains = [int(each["chainId"], 16) for each in block["transactions"] if each.get("chainId")]
    return Envelope(
        event=event,
        chain_id=chains[0] if chains else 1,
        sequence=sequence,
        claim=0,
        block_number=int(block["number"], 16),
        block_hash=bytes.fromhex(block["hash"][2:]),
        parent_hash=bytes.fromhex(block["parentHash"][2:]),
        block_timestamp=int(block["timestamp"], 16) * 1000,
        observed_at=0,
        source=None,
        verified=(),
        fresh=False,
        part=0,
        parts=1,
    )


def bare_receipts(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Receipts that say nothing, for blocks whose receipts nobody recorded."""
    return [
        {"transactionHash": each["hash"], "cumulativeGasUsed": "0x0", "gasUsed": "0x0", "logs": []}
        for each in block["transactions"]
    ]


def normalized_body(case: Case, event: EventKind = EventKind.APPLY, sequence: int = SEQUENCE) -> bytes:
    """The Avro body of the normalised event."""
    block = answer(case.block)
    receipts = bare_receipts(block) if case.receipts is None else answer(case.receipts)
    own = envelope(block, event, sequence)
    (body,) = normalize(own, json.dumps(block).encode(), json.dumps(receipts).encode())
    return body


def normalized(case: Case) -> dict[str, Any]:
    """The normalised event as a record."""
    return codec_for("normalized-blocks").read(normalized_body(case))
