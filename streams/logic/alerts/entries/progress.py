"""The entry of how far a stage is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from streams.logic.alerts.entries.entry import decoded, encoded, written
from streams.logic.alerts.fold import Fold
from streams.logic.alerts.remembered import Reorg, Tip

KEY: Final = b"progress"


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """Of a fold. New fields go to the end: state topics have older entries."""

    safe: int
    final_time: int
    reorg: tuple[int, int, bytes] | None
    unknown_times: list[int]
    configured_to: int | None = None


def progress(fold: Fold) -> bytes:
    """What a fold has come to."""
    tip, reorg = fold.tip, fold.reorg
    content = Progress(
        fold.safe,
        fold.final_time,
        None if reorg is None else (reorg.depth, reorg.number, reorg.hash),
        sorted(fold.unknown_times),
        fold.configured_to,
    )
    number, hash_, time = (None,) * 3 if tip is None else (tip.number, tip.hash, tip.timestamp)
    return written(
        "PROGRESS",
        fold.last or 0,
        encoded(content),
        block_number=number,
        block_hash=hash_,
        timestamp=time,
    )


def restore(fold: Fold, record: Mapping[str, Any]) -> None:
    """Put that into a new fold."""
    content = decoded(record, Progress)
    fold.last = record["sequence"]
    fold.safe, fold.final_time = content.safe, content.final_time
    fold.unknown_times = set(content.unknown_times)
    fold.reorg = None if content.reorg is None else Reorg(*content.reorg)
    fold.configured_to = content.configured_to
    if record["block_number"] is not None:
        fold.tip = Tip(record["block_number"], record["block_hash"], record["timestamp"])
