"""What one event makes go out and makes be remembered, collected while the fold decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from streams.logic.aggregate.measures import CHAIN, BaseFees, Entity, Measures
from streams.logic.aggregate.windows import Block, Window, WindowKey


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Snapshots of one window. `entities`: None for one of which nothing is left."""

    window: WindowKey
    complete: bool
    final: bool
    base_fees: BaseFees | None
    entities: dict[Entity, Measures | None]


@dataclass(frozen=True, slots=True)
class Minute:
    """What those blocks of a minute gave that one event made final.

    `sequence` is the highest that applied one of them.
    """

    start: int
    finalized: int
    sequence: int
    complete: bool
    base_fees: BaseFees | None
    entities: dict[Entity, Measures]


@dataclass(slots=True)
class _Due:
    window: Window
    entities: set[Entity]
    final: bool


@dataclass(slots=True)
class Decision:
    """`marks`: windows that are forgotten and do not hold as they went out, and why.

    The rest is what is remembered: blocks by hash and windows by key, None for what is forgotten; minutes
    and hours that are final.
    """

    sequence: int
    marks: dict[WindowKey, str] = field(default_factory=dict)
    blocks: dict[bytes, Block | None] = field(default_factory=dict)
    windows: dict[WindowKey, Window | None] = field(default_factory=dict)
    minutes: list[Minute] = field(default_factory=list)
    forgotten_hours: list[int] = field(default_factory=list)
    _due: dict[WindowKey, _Due] = field(default_factory=dict)

    def snapshot(self, window: Window, entities: Iterable[Entity], *, final: bool = False) -> None:
        """Entities of a window are to go out, once, as they stand after the event."""
        due = self._due.setdefault(window.key, _Due(window, set(), False))
        due.entities.update(entities)
        due.final = due.final or final

    def scheduled(self, window: Window, slot: int) -> None:
        """What has changed in a window is to go out, and it is due again after that slot."""
        self.snapshot(window, window.changed())
        window.pending.clear()
        window.pending_minutes.clear()
        window.slot, window.emitted = slot, self.sequence
        self.windows[window.key] = window

    def snapshots(self) -> Iterator[Snapshots]:
        """What goes out. To be asked before the next event.

        In the order of windows and entities: rules that hold alerts back, and the two of them that a kill
        lies between, must see the same one first, and a set's own order is another one in each process.
        """
        for key in sorted(self._due):
            due = self._due[key]
            window, totals = due.window, due.window.totals
            if not due.entities:
                continue
            found = {each: totals.get(each) for each in sorted(due.entities)}
            if window.empty:
                found[CHAIN] = None
            fees = window.base_fees() if CHAIN in found else None
            yield Snapshots(window.key, window.complete, due.final, fees, found)
