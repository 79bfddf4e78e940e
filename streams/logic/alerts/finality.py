"""What finality does: what a block counted that can leave no more is the base, what is over is forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from streams.logic.alerts.configuration import Configuration
from streams.logic.alerts.decision import Block, Decision
from streams.logic.alerts.remembered import Remembered
from streams.logic.alerts.tracks import (
    COOLDOWN_OF_FACTS,
    HELD,
    Confirmed,
    Cooling,
    Once,
    Silence,
    State,
    TrackKey,
    Tracks,
)


def collapse(block: Block, later: Collection[Block], tracks: Tracks, decision: Decision) -> None:
    """States that the block changed are kept as it left them; later blocks say what they replaced of it."""
    for key in block.undo:
        for each in later:
            if key in each.undo:
                decision.tracks[key] = each.undo[key]
                break
        else:
            decision.tracks[key] = tracks.get(key)


def make_room(remembered: Remembered, decision: Decision, facts_from: int) -> None:
    """Drop what facts that an event of finality tells, the earliest of this block time, do not ask for."""
    _drop(remembered, decision, facts_from)


def forget(remembered: Remembered, decision: Decision) -> None:
    """Drop what can decide nothing any more: windows and cooldowns that are over, silences that are told.

    Of a cooldown that held alerts back the number stays, for the group's next alert: of as many groups of a
    rule, the latest, as it may count for. They take no room of others.
    """
    _drop(remembered, decision, None)
    rules = [each.rule for each in remembered.configuration.rules.values()]
    spans = [each.within_ms or (each.window.size_ms - 1 if each.window else 0) for each in rules]
    oldest_asked = remembered.final_time - max(spans, default=0)
    remembered.unknown_times = {each for each in remembered.unknown_times if each >= oldest_asked}
    oldest = min((each.sequence for each in remembered.blocks.values()), default=None)
    for former in [each for each in remembered.former.values() if oldest is None or each.until <= oldest]:
        del remembered.former[former.until, former.key]
        decision.former[former] = False


def _drop(remembered: Remembered, decision: Decision, facts_from: int | None) -> None:
    """`facts_from` None: facts are told already."""
    tracks, later = remembered.tracks, {key for each in remembered.blocks.values() for key in each.undo}

    def put(key: TrackKey, state: State | None) -> None:
        tracks.set(key, state)
        decision.tracks[key] = state

    for key in _expired(tracks, remembered.configuration, remembered.final_time, facts_from):
        if key not in later:
            state = tracks.get(key)
            put(key, None)
            if isinstance(state, Cooling) and state.held:
                put(key._replace(what=HELD[key.what]), state)
    for key in _beyond(tracks, remembered.max_groups):
        if key not in later:
            put(key, None)


def _expired(
    tracks: Tracks, configuration: Configuration, final: int, facts_from: int | None
) -> Iterator[TrackKey]:
    """States that nothing asks for behind this block time, if no remembered block changed them."""
    yield from tracks.ended(final)
    for key, state in list(tracks.items().items()):
        match state:
            case Confirmed(alert):
                over = (alert.window_end or 0) <= final
            case Once(until):
                over = until <= final and facts_from is None
            case Silence(_, fired):
                # The next record begins anew; a rule without groups waits from its first block on.
                over = fired and bool(key.group)
            case Cooling(since, _) if key.what in HELD:
                active = configuration.active(key.rule_id, key.version)
                # Facts cool down by their own times, which lie before those of what is final.
                by = final if facts_from is None or key.what != COOLDOWN_OF_FACTS else facts_from
                over = active is None or since + active.rule.cooldown_ms <= by
            case _:
                over = False
        if over:
            yield key


def _beyond(tracks: Tracks, most: int) -> Iterator[TrackKey]:
    """The oldest of the counts that cooldowns left, where a rule has more of them than `most`."""
    left: defaultdict[str, list[tuple[int, TrackKey]]] = defaultdict(list)
    for key, state in tracks.items().items():
        if isinstance(state, Cooling) and key.what not in HELD:
            left[key.rule_id].append((state.since, key))
    for found in left.values():
        if len(found) > most:
            yield from (key for _, key in sorted(found)[:-most])
