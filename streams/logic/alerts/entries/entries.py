"""Entries as a whole: those that a decision changes, and a fold made of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from headwater.errors import Permanent
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Block, Decision
from streams.logic.alerts.derived import STATES_FOLD
from streams.logic.alerts.entries import blocks, configuration, progress
from streams.logic.alerts.entries.entry import Entry, decoded, encoded, of, written
from streams.logic.alerts.entries.tracks import Track, key_of
from streams.logic.alerts.fold import Fold
from streams.logic.alerts.tracks import ONCE, TrackKey


class Entries:
    """Knows how many entries there are of each block, so that they can be deleted with it."""

    def __init__(self) -> None:
        self._chunks: dict[bytes, int] = {}
        self._renamed: list[Entry] = []

    def changes(self, fold: Fold, decision: Decision) -> Iterator[Entry]:
        """The entries that a decision of the fold changes, without frame; None deletes."""
        yield progress.KEY, progress.progress(fold)
        yield from self._renamed
        self._renamed.clear()
        yield from configuration.changes(decision)
        for hash_, block in decision.blocks.items():
            yield from self._block(hash_, block)
        for key, derived in decision.derived:
            kind = "FACT" if key.startswith(STATES_FOLD.encode()) else "STATISTICS"
            yield key, None if derived is None else written(kind, decision.sequence, derived)
        for track, state in decision.tracks.items():
            content = None if state is None else encoded(Track.of(track, state))
            yield key_of(track), None if content is None else written("TRACK", decision.sequence, content)

    def _block(self, hash_: bytes, block: Block | None) -> Iterator[Entry]:
        prefix = b"block:" + hash_.hex().encode()
        chunks = [] if block is None else list(blocks.entries_of(block))
        before = self._chunks.pop(hash_, 0)
        if chunks:
            self._chunks[hash_] = len(chunks)
        for number, chunk in enumerate(chunks):
            yield b"%b:%d" % (prefix, number), chunk
        for number in range(len(chunks), before):
            yield b"%b:%d" % (prefix, number), None

    def restore(
        self,
        alerting: Alerting,
        content: Mapping[bytes, bytes],
        read: Callable[[bytes], Mapping[str, Any]],
        refused: Callable[[Change, Permanent], None],
    ) -> None:
        """Put into a new `alerting` what these entries hold. Raises what `read` raises."""
        self._chunks.clear()
        self._renamed.clear()
        fold = alerting.fold
        # Entries of a block in their order: which of its matches came first decides about cooldowns.
        keys = sorted(content, key=lambda key: (len(key), key))
        records = [read(content[key]) for key in keys]
        configuration.restore(alerting, keys, records, refused)
        alerting.derived.restore(
            {
                key: cast(bytes, record["content"])
                for key, record in zip(keys, records, strict=True)
                if record["entry"] in ("STATISTICS", "FACT")
            }
        )
        for each in of("TRACK", records):
            track = decoded(each, Track)
            fold.tracks.set(self._current(track, each), track.unpacked())
        for each in of("PROGRESS", records):
            progress.restore(fold, each)
        found: dict[bytes, Block] = {}
        for each in sorted(of("BLOCK", records), key=lambda record: cast(int, record["sequence"])):
            own = each["block_hash"]
            self._chunks[own] = self._chunks.get(own, 0) + 1
            found[own] = blocks.joined(found.get(own), each)
        for block in found.values():
            fold.restore(block)

    def _current(self, track: Track, record: Mapping[str, Any]) -> TrackKey:
        """The key of a state; one that an earlier version of Headwater wrote by the text is written anew."""
        key = track.key._replace(version=0) if track.key.what == ONCE else track.key
        if key != track.key:
            content = encoded(Track(key, track.state))
            renamed = written("TRACK", cast(int, record["sequence"]), content)
            self._renamed += [(key_of(track.key), None), (key_of(key), renamed)]
        return key
