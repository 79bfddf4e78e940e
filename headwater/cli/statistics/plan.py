"""What is wrong with each window, and the snapshots that make it right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Protocol, cast

from headwater.cli.history import HistoryBlock
from headwater.cli.statistics.tables import ADDRESSES, Standing, texts
from schemas import COMMON, HEADER_SIZE, codec_for
from streams.logic.aggregate.fold import Fold
from streams.logic.aggregate.input import FIELDS, Contribution, contribution_of
from streams.logic.aggregate.measures import CHAIN, CONTRACT, TOKEN, Entity
from streams.logic.aggregate.rebuild import Heights, Seen, inside, missing, rebuilt, settled, windows_between
from streams.logic.aggregate.records import CHAIN_STATS, CONTRACT_STATS, TOKEN_STATS, messages_of
from streams.logic.aggregate.windows import HOUR, WindowKey
from streams.logic.event import Messages
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

READ: Final[Mapping[str, Sequence[str]]] = {
    **{name: fields for name, fields in FIELDS.items() if fields is not None},
    "header": ("gas_used", "base_fee_per_gas"),
}
"""What of each array the statistics need."""
_OF_THE_EVENT: Final = frozenset({*COMMON, "complete", "final", "event_id", "window_start", "window_end"})
_KINDS: Final = {CHAIN_STATS: CHAIN, TOKEN_STATS: TOKEN, CONTRACT_STATS: CONTRACT}


class Verdict(Enum):
    """What became, or becomes, of a window."""

    RIGHT = "right"  # it is as its blocks make it
    REBUILT = "rebuilt"  # its snapshots go out again
    LACKING = "lacking"  # blocks of it are missing
    EARLY = "early"  # it lacks something, and the aggregate stage has not left it behind, or has only just
    OPEN = "open"  # it is not final: the aggregate stage says it


@dataclass(frozen=True, slots=True)
class Plan:
    """One window. `changed`: how many of its snapshots differ; `missing` None: heights cannot be told."""

    window: WindowKey
    verdict: Verdict
    blocks: int = 0
    changed: int = 0
    missing: Sequence[Heights] | None = ()
    messages: Sequence[Messages] = ()

    def without_messages(self) -> Plan:
        """For the report: what went out is not kept."""
        return replace(self, messages=())


class Source(Protocol):
    """What the tables have of blocks and windows."""

    def blocks(self, hour: int) -> list[Seen]: ...
    def standing(self, hour: int) -> dict[WindowKey, dict[Entity, Standing]]: ...


class Contents(Protocol):
    """What the views have of the content of blocks."""

    def blocks(self, first: int, last: int) -> Iterator[HistoryBlock]: ...


class Planner:
    """Looks at windows of one chain hour by hour, as of the last event of the aggregate stage's fold.

    `only`: leave other windows out.
    """

    def __init__(
        self,
        chain_id: int,
        fold: Fold,
        tables: Source,
        history: Contents,
        frame: Callable[[str], bytes],
        only: Collection[WindowKey] | None = None,
    ) -> None:
        self._fold, self._tables, self._history, self._only = fold, tables, history, only
        self._frame = frame
        # No event of the chain makes these snapshots: they name no block.
        self._envelope = Envelope(
            EventKind.UNKNOWN,
            chain_id,
            fold.last or 0,
            *(0, None, None, None, None, 0, None, ()),
            fresh=False,
            part=0,
            parts=1,
        )

    def hours(self, first: int, end: int) -> list[int]:
        """The hours to look at, of some time in milliseconds."""
        every = range(first - first % HOUR, end, HOUR)
        if self._only is None:
            return list(every)
        return sorted({start - start % HOUR for _, start in self._only} & set(every))

    def plans(self, hour: int, first: int, end: int) -> Iterator[Plan]:
        """The windows of an hour that overlap some time, in milliseconds, `end` excluded."""
        blocks, standing = self._tables.blocks(hour), self._tables.standing(hour)
        windows = [
            each
            for each in windows_between(max(first, hour), min(end, hour + HOUR))
            if (each in self._only if self._only is not None else each in standing or inside(each, blocks))
        ]
        if not any(settled(self._fold, each) for each in windows):
            yield from map(self._open, windows)
            return
        given = self._given(inside((HOUR, hour), blocks))
        known = [
            each
            if each.hash in given
            else Seen(each.number, each.hash, each.parent_hash, each.timestamp, False)
            for each in blocks
        ]
        for window in windows:
            yield self._plan(window, known, given, standing.get(window, {}))

    def _plan(
        self,
        window: WindowKey,
        blocks: Sequence[Seen],
        given: Mapping[bytes, Contribution],
        standing: Mapping[Entity, Standing],
    ) -> Plan:
        if not settled(self._fold, window):
            return self._open(window)
        gaps, own = missing(window, blocks), inside(window, blocks)
        if gaps is None or gaps:
            return Plan(window, Verdict.LACKING, len(own), missing=gaps)
        snapshots = rebuilt(window, [given[each.hash] for each in own], standing)
        messages = list(messages_of(self._envelope, snapshots, self._frame))
        changed = sum(
            not _same(standing, each.stream, value or b"") for each in messages for value in each.values
        )
        if not changed:
            return Plan(window, Verdict.RIGHT, len(own))
        if any(each.sequence >= self._envelope.sequence for each in standing.values()):
            return Plan(window, Verdict.EARLY)
        return Plan(window, Verdict.REBUILT, len(own), changed, messages=messages)

    def _open(self, window: WindowKey) -> Plan:
        return Plan(window, Verdict.OPEN if self._only is None else Verdict.EARLY)

    def _given(self, blocks: Sequence[Seen]) -> dict[bytes, Contribution]:
        """What the blocks give whose content the views show, by hash."""
        found: dict[bytes, Contribution] = {}
        if not blocks:
            return found
        for each in self._history.blocks(blocks[0].number, blocks[-1].number):
            contribution = contribution_of(each.envelope, (b"",), each.message)
            if contribution is not None and each.envelope.block_hash is not None:
                found[each.envelope.block_hash] = contribution
        return found


def _same(standing: Mapping[Entity, Standing], stream: str, value: bytes) -> bool:
    """True where a snapshot says what stands already."""
    record = codec_for(stream).read(value, HEADER_SIZE)
    kind = _KINDS[stream]
    own = record.get(ADDRESSES[kind]) if kind else b""
    before = standing.get(kind + cast(bytes, own))
    if before is None or record["removed"]:
        return before is None and bool(record["removed"])
    return before.right and all(
        texts(each) == before.values[name] for name, each in record.items() if name not in _OF_THE_EVENT
    )
