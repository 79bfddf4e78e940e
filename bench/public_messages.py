"""The public messages of the 23 blocks, made by the stages' own logic."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.blocks import COUNT, FIRST
from streams.logic.enrich.event import enrich
from streams.logic.event import Messages, Position
from streams.logic.normalize.event import normalize
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import Headers, headers_of
from topics.chainlog.kinds import EventKind
from topics.coverage import COVERAGE


@dataclass(frozen=True, slots=True)
class Published:
    """One block: its messages, and its coverage message once it is known where they landed."""

    messages: Sequence[Messages]
    coverage: Callable[[Sequence[Position]], Messages]


def published(folder: Path, frame: Callable[[str], bytes], sequence: int = 1) -> Iterator[Published]:
    """The blocks in order; `frame(stream)` is the five bytes before each value."""
    for number in range(FIRST, FIRST + COUNT):
        block = _answer(folder, number, "eth_getBlockByNumber_full")
        receipts = _answer(folder, number, "eth_getBlockReceipts")
        header = orjson.loads(block)
        envelope = Envelope(
            event=EventKind.APPLY,
            chain_id=1,
            sequence=sequence + number - FIRST,
            claim=0,
            block_number=number,
            block_hash=bytes.fromhex(header["hash"][2:]),
            parent_hash=bytes.fromhex(header["parentHash"][2:]),
            block_timestamp=int(header["timestamp"], 16) * 1000,
            observed_at=int(header["timestamp"], 16) * 1000,
            source=None,
            verified=("header-hash",),
            fresh=False,
            part=0,
            parts=1,
        )
        values = [frame("normalized-blocks") + body for body in normalize(envelope, block, receipts)]
        enriched = enrich(envelope, values, frame)
        coverage = enriched.coverage
        assert coverage is not None
        headers: Headers = headers_of(envelope, COVERAGE)
        yield Published(
            enriched.public,
            lambda positions, coverage=coverage, headers=headers: coverage.message(positions, frame, headers),  # type: ignore[misc]
        )


def _answer(folder: Path, number: int, method: str) -> bytes:
    path = folder / str(number) / "input" / f"{method}.json.gz"
    return orjson.dumps(orjson.loads(gzip.decompress(path.read_bytes()))["response"]["result"])
