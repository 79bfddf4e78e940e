"""Changes of the configuration are put in force; what rests on a text that no longer is comes to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from headwater.errors import Permanent
from streams.logic.alerts.configuration import RULE, Adopted, Change, Former
from streams.logic.alerts.decision import BlockRef, Decision, Status
from streams.logic.alerts.remembered import Remembered
from streams.logic.alerts.tracks import Confirmed, Once, TrackKey

CHANGED: Final = "the rule was changed"
REMOVED: Final = "the rule was removed"


def adopt(
    remembered: Remembered,
    changes: Iterable[Change],
    decision: Decision,
    refused: Callable[[Change, Permanent], None],
) -> None:
    """Put changes in force before the event. A text that is refused changes nothing.

    `refused` hears of it, and why.
    """
    configuration = remembered.configuration
    keys, ended = set(), dict[str, str]()
    for change in changes:
        # Within a topic they ascend; one that was made anew begins again.
        remembered.configured_to = change.offset + 1
        if not configuration.differs(change):
            continue
        try:
            rule = configuration.admitted(change)
        except Permanent as error:
            refused(change, error)
            continue
        if change.key.startswith(RULE):
            ended.setdefault(change.key.removeprefix(RULE), REMOVED if change.value is None else CHANGED)
        adopted = (
            None
            if change.value is None
            else Adopted(change.offset, change.value, decision.sequence, remembered.time)
        )
        if remembered.blocks:
            before = configuration.adopted.get(change.key)
            remembered.replaces(Former(change.key, before, decision.sequence), decision)
        configuration.put(change.key, adopted, rule)
        decision.configuration[change.key] = adopted
        keys.add(change.key)
    configuration.settle(keys)
    _end_rules(remembered, ended, decision)


def _end_rules(remembered: Remembered, ended: Mapping[str, str], decision: Decision) -> None:
    """Texts that are no longer in force, and why: what they count is forgotten, what rests on it is resolved.

    What they have told of a window that goes on is not told again: its alert stands or falls with its block.
    All at once: thousands of rules may be edited before one event, each with thousands of groups.
    """
    if not ended:
        return
    told = set[TrackKey]()
    for key in remembered.tracks.of_rules(ended):
        state = remembered.tracks.get(key)
        if isinstance(state, Confirmed):
            ref = BlockRef(state.number, state.hash, state.timestamp)
            decision.says(state.alert, Status.RESOLVED, ref, ended[key.rule_id])
        if isinstance(state, Once) and state.told:
            told.add(key)
            continue
        remembered.tracks.set(key, None)
        decision.tracks[key] = None
    for block in remembered.blocks.values():
        for key in [each for each in block.undo if each.rule_id in ended and each not in told]:
            del block.undo[key]
            decision.tracks[key] = None
        ending = [each for each in block.made.values() if each.alert.rule_id in ended and each.alert.resolves]
        for made in ending:
            del block.made[made.alert.id]
            decision.blocks[block.hash] = block
            if made.published:
                decision.says(made.alert, Status.RESOLVED, block.ref, ended[made.alert.rule_id])
