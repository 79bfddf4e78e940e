"""What rules count from block to block: windows, cooldowns, silences; each change can be taken back.

A state is never changed but replaced, and a block keeps what it replaced: when it leaves, that is put back.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from streams.logic.alerts.alert import Alert, Group
from streams.logic.alerts.tally import Tally

WINDOW: Final = "window"
COOLDOWN: Final = "cooldown"
COOLDOWN_OF_FACTS: Final = "cooldown of facts"
SILENCE: Final = "silence"
ONCE: Final = "once"
CONFIRMED: Final = "confirmed"
HELD: Final[Mapping[str, str]] = {
    COOLDOWN: "held back",
    COOLDOWN_OF_FACTS: "held back of facts",
}
"""What a cooldown that is over for good leaves until the group's next alert: how many it held back."""
_NO_GROUP: Final = frozenset({ONCE, CONFIRMED, *HELD.values()})
"""States that take no room of a rule's groups."""


class TrackKey(NamedTuple):
    """`start`: of a window, milliseconds; 0 for everything else.

    `version`: of the rule's text; 0 where whichever text told it decides for those that follow.
    """

    rule_id: str
    version: int
    group: Group
    what: str
    start: int = 0


class Open(msgspec.Struct, frozen=True):
    """A window. `judged`: nothing is to be decided at its end any more."""

    tally: Tally
    end: int
    fired: bool
    judged: bool


class Cooling(msgspec.Struct, frozen=True):
    """A group whose last alert was at `since`, block time, and how many were held back after it."""

    since: int
    held: int


class Silence(msgspec.Struct, frozen=True):
    """When a record was seen last, block time, and whether its absence was told."""

    last: int
    fired: bool


class Once(msgspec.Struct, frozen=True):
    """Something was decided that may be said again until then, block time.

    `told`: an alert was made of it, which no cooldown held back.
    """

    until: int
    told: bool = True


class Confirmed(msgspec.Struct, frozen=True):
    """An alert of a window that is not over, which no block that is remembered has; its rule may still end.

    `number`, `hash` and `timestamp` are those of the block that it is of.
    """

    alert: Alert
    number: int | None
    hash: bytes | None
    timestamp: int | None


State: TypeAlias = Open | Cooling | Silence | Once | Confirmed
Undo: TypeAlias = dict[TrackKey, "State | None"]
"""Key → what was there before, None for nothing."""


class Tracks:
    """All states. Between `recording` and `recorded` what is replaced is kept."""

    def __init__(self) -> None:
        self._states: dict[TrackKey, State] = {}
        self._undo: Undo | None = None
        self._groups: dict[str, dict[Group, int]] = {}
        self._ends: dict[int, set[TrackKey]] = {}
        self._due: dict[int, set[TrackKey]] = {}

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: TrackKey) -> State | None:
        """The state, None where there is none."""
        return self._states.get(key)

    def items(self) -> Mapping[TrackKey, State]:
        """All of them."""
        return self._states

    def recording(self, undo: Undo) -> None:
        """From now on, what is replaced goes into `undo`."""
        self._undo = undo

    def recorded(self) -> None:
        """Nothing is kept any more."""
        self._undo = None

    def undo(self, undo: Undo) -> None:
        """Put back what was replaced."""
        for key, state in undo.items():
            self._put(key, state)

    def set(self, key: TrackKey, state: State | None) -> None:
        """Replace a state; None takes it away."""
        if self._undo is not None and key not in self._undo:
            self._undo[key] = self._states.get(key)
        self._put(key, state)

    def has_group(self, rule_id: str, group: Group) -> bool:
        """True when something is counted for a group already."""
        return group in self._groups.get(rule_id, ())

    def group_count(self, rule_id: str) -> int:
        """For how many groups of a rule something is counted."""
        return len(self._groups.get(rule_id, ()))

    def groups(self, rule_id: str) -> tuple[Group, ...]:
        """The groups of a rule for which something is counted."""
        return tuple(self._groups.get(rule_id, ()))

    def of_rules(self, rule_ids: Container[str]) -> list[TrackKey]:
        """All keys of some rules."""
        return [key for key in self._states if key.rule_id in rule_ids]

    def due(self, time: int) -> list[TrackKey]:
        """Windows that end there or before and are not judged, in order of their ends."""
        ends = sorted(end for end in self._due if end <= time)
        return [key for end in ends for key in sorted(self._due[end])]

    def ended(self, time: int) -> Iterator[TrackKey]:
        """Windows that end there or before."""
        for end in [each for each in self._ends if each <= time]:
            yield from tuple(self._ends[end])

    def _put(self, key: TrackKey, state: State | None) -> None:
        before = self._states.get(key)
        if isinstance(before, Open):
            _discard(self._ends, before.end, key)
            _discard(self._due, before.end, key)
        groups = self._groups.setdefault(key.rule_id, {})
        if state is None:
            if before is not None:
                del self._states[key]
                if key.what not in _NO_GROUP:
                    groups[key.group] -= 1
                    if not groups[key.group]:
                        del groups[key.group]
            return
        self._states[key] = state
        if before is None and key.what not in _NO_GROUP:
            groups[key.group] = groups.get(key.group, 0) + 1
        if isinstance(state, Open):
            self._ends.setdefault(state.end, set()).add(key)
            if not state.judged:
                self._due.setdefault(state.end, set()).add(key)


def _discard(ends: dict[int, set[TrackKey]], end: int, key: TrackKey) -> None:
    found = ends.get(end)
    if found is not None:
        found.discard(key)
        if not found:
            del ends[end]
