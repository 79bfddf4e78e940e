"""What follows from a block joining the chain, given what its records gave: no condition is asked here.

The same call again, over the same states, makes the same alerts: that is how a stage finds its states again,
and how what follows a repaired block is decided anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from streams.logic.alerts.alert import Alert, Group, alert_id, text_of
from streams.logic.alerts.configuration import Active, Configuration
from streams.logic.alerts.decision import Block
from streams.logic.alerts.evaluate import labels_of, title_of
from streams.logic.alerts.gives import Candidate, Gives, RuleGroup
from streams.logic.alerts.incomplete import INCOMPLETE, SILENT_SINCE
from streams.logic.alerts.rule import Rule, Window
from streams.logic.alerts.tally import Tally, eager, holds, joined, shown
from streams.logic.alerts.tracks import (
    COOLDOWN,
    COOLDOWN_OF_FACTS,
    HELD,
    ONCE,
    SILENCE,
    WINDOW,
    Cooling,
    Once,
    Open,
    Silence,
    TrackKey,
    Tracks,
)

HELD_BACK: Final = "held_back"


class Joining:
    """One block's joining. `incomplete(start, end)` tells whether something is not known of a window.

    `denied`: the groups that had no room when the same block joined before; None where it is to be decided.
    """

    def __init__(
        self,
        configuration: Configuration,
        tracks: Tracks,
        max_groups: int,
        incomplete: Callable[[int, int], bool],
        denied: frozenset[RuleGroup] | None = None,
    ) -> None:
        self._configuration, self._tracks, self._max_groups = configuration, tracks, max_groups
        self._incomplete, self._denied = incomplete, denied
        self.denied: set[RuleGroup] = set()
        self.made: dict[bytes, Alert] = {}
        self.refused: Counter[str] = Counter()

    def block(self, block: Block) -> dict[bytes, Alert]:
        """The alerts that a block makes, by id. Judges what ends with it first, then adds what it gives."""
        time, gives = block.timestamp, block.gives
        for active in self._configuration.absences:
            if active.since <= block.sequence:
                self._silences(active.rule, time)
        for key in self._tracks.due(time):
            self._judge(key, time)
        for candidate in gives.candidates:
            self._candidate(candidate, block)
        for owner, tally in gives.tallies.items():
            found = self._active(owner.rule_id, owner.version)
            if found is not None and found.rule.window is not None:
                self._tally(found, found.rule.window, owner.group, tally, time)
        for owner in gives.seen:
            found = self._active(owner.rule_id, owner.version)
            key = TrackKey(*owner, SILENCE)
            if found is not None and self._room(found.rule, owner.group):
                self._tracks.set(key, Silence(time, fired=False))
        return self.made

    def counted_in(self, gives: Gives, time: int) -> dict[TrackKey, int]:
        """The windows that facts are counted in, and the block time at which each ends."""
        return {
            TrackKey(*owner, WINDOW, start): start + found.rule.window.size_ms
            for owner in gives.tallies
            if (found := self._active(owner.rule_id, owner.version)) is not None
            and found.rule.window is not None
            for start in starts(found.rule.window, time)
        }

    def facts(self, gives: Gives, time: int) -> None:
        """Records that no block carries have matched, with an event of this block time.

        Their cooldown is another one than that of blocks, and goes by the time that each is of: which of them
        one event tells together is up to the node.
        """
        found_at = ((time if each.time is None else each.time, each) for each in gives.candidates)
        for own, candidate in sorted(found_at, key=lambda each: each[0]):
            owner, alert = candidate.owner, candidate.alert
            found = self._active(owner.rule_id, owner.version)
            if found is not None and self._first(candidate):
                told = self._fire(found.rule, owner.group, alert, own, COOLDOWN_OF_FACTS)
                self._once(candidate, told=told)
        for owner, tally in gives.tallies.items():
            found = self._active(owner.rule_id, owner.version)
            if found is not None and found.rule.window is not None:
                self._tally(found, found.rule.window, owner.group, tally, time, COOLDOWN_OF_FACTS)

    def _candidate(self, candidate: Candidate, block: Block) -> None:
        owner, alert = candidate.owner, candidate.alert
        found = self._active(owner.rule_id, owner.version)
        if found is None:
            # Of a text that is no longer in force: what was decided by it stays.
            made = block.made.get(alert.id)
            if made is not None and self._first(candidate):
                self._once(candidate, told=True)
                held = made.alert.values.get(HELD_BACK)
                more = {} if held is None else {HELD_BACK: held}
                self.made[alert.id] = replace(alert, values={**alert.values, **more})
            return
        if self._first(candidate):
            told = self._fire(found.rule, owner.group, alert, block.timestamp)
            self._once(candidate, told=told)

    def _first(self, candidate: Candidate) -> bool:
        """False when the same was decided before, by whichever text of the rule."""
        return candidate.until is None or self._tracks.get(_once(candidate)) is None

    def _once(self, candidate: Candidate, *, told: bool) -> None:
        """Nothing more is to be decided about a candidate that may be said again."""
        if candidate.until is not None:
            self._tracks.set(_once(candidate), Once(candidate.until, told))

    def _tally(
        self,
        active: Active,
        window: Window,
        group: Group,
        tally: Tally,
        time: int,
        cooldown: str = COOLDOWN,
    ) -> None:
        rule = active.rule
        if not self._room(rule, group):
            return
        at_once = eager(window)
        for start in starts(window, time):
            key = TrackKey(rule.id, rule.version, group, WINDOW, start)
            before = self._tracks.get(key)
            if isinstance(before, Open):
                now = replace(before, tally=joined(window, before.tally, tally))
            else:
                now = Open(tally, start + window.size_ms, fired=False, judged=at_once)
            if at_once and not now.fired and holds(window, now.tally):
                now = replace(now, fired=True)
                self._fire(rule, group, self._windowed(active, key, now), time, cooldown)
            self._tracks.set(key, now)

    def _judge(self, key: TrackKey, time: int) -> None:
        active, state = self._active(key.rule_id, key.version), self._tracks.get(key)
        if active is None or active.rule.window is None or not isinstance(state, Open):
            return
        fired = holds(active.rule.window, state.tally)
        self._tracks.set(key, replace(state, judged=True, fired=fired))
        if fired:
            self._fire(active.rule, key.group, self._windowed(active, key, state), time)

    def _silences(self, rule: Rule, time: int) -> None:
        within = rule.within_ms or 0
        whole = TrackKey(rule.id, rule.version, (), SILENCE)
        if not rule.group_by and self._tracks.get(whole) is None:
            self._tracks.set(whole, Silence(time, fired=False))
        for group in self._tracks.groups(rule.id):
            key = whole._replace(group=group)
            state = self._tracks.get(key)
            if isinstance(state, Silence) and not state.fired and time - state.last > within:
                self._tracks.set(key, Silence(state.last, fired=True))
                self._fire(rule, group, self._silent(rule, group, state.last, time), time)

    def _fire(self, rule: Rule, group: Group, alert: Alert, time: int, cooldown: str = COOLDOWN) -> bool:
        """Make an alert; False where a cooldown holds it back, or the group has no room for one."""
        if rule.cooldown_ms:
            key = TrackKey(rule.id, rule.version, group, cooldown)
            left = key._replace(what=HELD[cooldown])
            state, before = self._tracks.get(key), self._tracks.get(left)
            if isinstance(state, Cooling):
                if time < state.since + rule.cooldown_ms:
                    self._tracks.set(key, Cooling(state.since, state.held + 1))
                    return False
                before = state
            elif not self._room(rule, group):
                return False
            self._tracks.set(key, Cooling(time, 0))
            if isinstance(before, Cooling) and before.held:
                if before is not state:
                    self._tracks.set(left, None)
                alert = replace(alert, values={**alert.values, HELD_BACK: str(before.held)})
        self.made[alert.id] = alert
        return True

    def _room(self, rule: Rule, group: Group) -> bool:
        """False, and counted, when a rule counts for as many groups as it may and this is another one."""
        tracks, own = self._tracks, RuleGroup(rule.id, rule.version, group)
        if self._denied is None:
            room = tracks.has_group(rule.id, group) or tracks.group_count(rule.id) < self._max_groups
        else:
            # What took the room then may be final, and forgotten, by now.
            room = own not in self._denied
        if not room:
            self.refused[rule.id] += 1
            self.denied.add(own)
        return room

    def _windowed(self, active: Active, key: TrackKey, state: Open) -> Alert:
        rule, window = active.rule, active.rule.window
        measures = {} if window is None else shown(window, state.tally)
        incomplete = key.start <= active.since_time or self._incomplete(key.start, state.end)
        extra = {INCOMPLETE: "true"} if incomplete else {}
        return self._alert(rule, key.group, key.start, state.end, measures, extra)

    def _silent(self, rule: Rule, group: Group, last: int, time: int) -> Alert:
        # What was expected may be in a block that nobody could read, or that was skipped.
        extra = {INCOMPLETE: "true"} if self._incomplete(last, time) else {}
        return self._alert(rule, group, last, last + (rule.within_ms or 0), {SILENT_SINCE: last}, extra)

    def _alert(
        self,
        rule: Rule,
        group: Group,
        start: int,
        end: int,
        measures: dict[str, int],
        extra: dict[str, str],
    ) -> Alert:
        own = dict(zip(rule.group_by, group, strict=True))
        labels = self._configuration.labels
        record: dict[str, object] = {**own, **measures, "window_start": start, "window_end": end}
        return Alert(
            id=alert_id(rule.id, group, start),
            rule_id=rule.id,
            rule_version=rule.version,
            severity=rule.severity,
            finality=rule.finality,
            shadow=rule.shadow,
            channels=() if rule.shadow else rule.channels,
            labels=labels_of(rule, own, labels),
            group=own,
            title=title_of(rule, record, labels),
            values={name: text_of(value) for name, value in measures.items()} | extra,
            window_start=start,
            window_end=end,
            resolves=True,
        )

    def _active(self, rule_id: str, version: int) -> Active | None:
        return self._configuration.active(rule_id, version)


def _once(candidate: Candidate) -> TrackKey:
    # Its alert has one id, whichever text makes it.
    return TrackKey(candidate.owner.rule_id, 0, (candidate.alert.id.hex(),), ONCE)


def starts(window: Window, time: int) -> Iterator[int]:
    """The starts of the windows that a moment is in, earliest first."""
    last = time - time % window.every_ms
    # The first one begins after `time - size`; there is none where `every` leaves gaps between windows.
    first = last - (last - (time - window.size_ms) - 1) // window.every_ms * window.every_ms
    yield from range(first, last + 1, window.every_ms)
