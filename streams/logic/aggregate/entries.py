"""The entries of the state topic: what a decision changes of them, and the fold that they make again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from schemas import codec_for, codec_for_record
from streams.logic.aggregate.decision import Decision, Minute
from streams.logic.aggregate.fold import Fold, Tip
from streams.logic.aggregate.input import Contribution
from streams.logic.aggregate.measures import BaseFees, Entity, Measures, joined
from streams.logic.aggregate.windows import HOUR, Block, Window, windows_of

STREAM: Final = "aggregate-state"
Change = tuple[bytes, bytes | None]
_PROGRESS: Final = b"progress"
_CHUNK: Final = 20_000
"""Entities in one entry: far below what a topic takes."""
_write = codec_for(STREAM).write
_entity = codec_for_record(STREAM, "EntityMeasures").write_values


class Entries:
    """Knows which entries there are of each hour's minutes, so that they can be deleted with it."""

    def __init__(self) -> None:
        self._minutes: dict[int, list[bytes]] = {}

    def changes(self, fold: Fold, decision: Decision) -> Iterator[Change]:
        """The entries that a decision of the fold changes, without frame; None deletes."""
        yield _PROGRESS, _progress(fold)
        for hash_, block in decision.blocks.items():
            yield b"block:" + hash_.hex().encode(), None if block is None else _block(block)
        for minute in decision.minutes:
            for number, value in enumerate(_minute(minute)):
                key = b"minute:%d:%d:%d" % (minute.start, minute.finalized, number)
                self._minutes.setdefault(minute.start - minute.start % HOUR, []).append(key)
                yield key, value
        for (size, start), window in decision.windows.items():
            yield b"window:%d:%d" % (size // 1_000, start), None if window is None else _window(window)
        for hour in decision.forgotten_hours:
            for key in self._minutes.pop(hour, ()):
                yield key, None

    def restored(self, content: Mapping[bytes, bytes], read: Callable[[bytes], Mapping[str, Any]]) -> Fold:
        """The fold as it was when these entries were written. Raises what `read` raises."""
        self._minutes.clear()
        fold = Fold()
        records = {key: read(value) for key, value in content.items()}
        for record in _of("WINDOW", records):
            window = Window(
                record["window_seconds"] * 1_000,
                record["timestamp"],
                broken=not record["complete"],
                slot=record["slot"],
                emitted=record["sequence"],
            )
            fold.windows[window.key] = window
        for key, record in records.items():
            if record["entry"] == "MINUTE":
                hour = record["timestamp"] - record["timestamp"] % HOUR
                self._minutes.setdefault(hour, []).append(key)
                _gained(fold.windows[HOUR, hour], record)
        for record in sorted(_of("BLOCK", records), key=lambda each: each["sequence"]):
            _joined(fold, record)
        for record in _of("PROGRESS", records):
            fold.last, fold.since = record["sequence"], record["since"]
            fold.final_until = record["final_until"]
            if record["block_number"] is not None:
                fold.tip = Tip(record["block_number"], record["block_hash"], record["timestamp"])
        return fold


def _of(entry: str, records: Mapping[bytes, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (each for each in records.values() if each["entry"] == entry)


def _gained(hour: Window, record: Mapping[str, Any]) -> None:
    entities = _entities(record)
    hour.gain(entities)
    hour.collapsed = True
    hour.collapsed_fees = joined((hour.collapsed_fees, _fees(record)))
    if record["sequence"] > hour.emitted:
        hour.pending_minutes.append(tuple(entities))


def _joined(fold: Fold, record: Mapping[str, Any]) -> None:
    block = Block(
        record["sequence"],
        record["block_number"],
        record["block_hash"],
        record["parent_hash"],
        record["timestamp"],
        Contribution(_entities(record), _fees(record)),
        record["complete"],
    )
    fold.blocks[block.hash] = block
    for key in windows_of(block.timestamp):
        if key in fold.windows:
            window = fold.windows[key]
            window.add(block, pending=block.sequence > window.emitted)


def _entities(record: Mapping[str, Any]) -> dict[Entity, Measures]:
    return {each["entity"]: tuple(map(int, each["measures"])) for each in record["entities"]}


def _fees(record: Mapping[str, Any]) -> BaseFees | None:
    return BaseFees(*map(int, record["base_fees"])) if record["base_fees"] else None


def _progress(fold: Fold) -> bytes:
    tip = fold.tip
    number, hash_, time = (None,) * 3 if tip is None else (tip.number, tip.hash, tip.timestamp)
    return _write(
        {
            "entry": "PROGRESS",
            "sequence": fold.last,
            "final_until": fold.final_until,
            "since": fold.since,
            "complete": True,
            "block_number": number,
            "block_hash": hash_,
            "timestamp": time,
        }
    )


def _block(block: Block) -> bytes:
    return _write(
        {
            "entry": "BLOCK",
            "sequence": block.sequence,
            "block_number": block.number,
            "block_hash": block.hash,
            "parent_hash": block.parent_hash,
            "timestamp": block.timestamp,
            "complete": block.known,
            "base_fees": _texts(block.contribution.base_fees),
            "entities": _bodies(block.contribution.entities.items()),
        }
    )


def _minute(minute: Minute) -> Iterator[bytes]:
    fees, entities = minute.base_fees, list(minute.entities.items())
    for start in range(0, len(entities), _CHUNK):
        yield _write(
            {
                "entry": "MINUTE",
                "sequence": minute.sequence,
                "timestamp": minute.start,
                "complete": minute.complete,
                "base_fees": _texts(fees),
                "entities": _bodies(entities[start : start + _CHUNK]),
            }
        )
        fees = None


def _window(window: Window) -> bytes:
    return _write(
        {
            "entry": "WINDOW",
            "sequence": window.emitted,
            "timestamp": window.start,
            "window_seconds": window.size // 1_000,
            "slot": window.slot,
            "complete": not window.broken,
        }
    )


def _bodies(entities: Iterable[tuple[Entity, Measures]]) -> list[bytes]:
    return [_entity(entity, list(map(str, measures))) for entity, measures in entities]


def _texts(measures: Sequence[int] | None) -> list[str]:
    return [] if measures is None else list(map(str, measures))
