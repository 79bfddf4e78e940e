"""A block's history as a pure function of the facts about it: which states, decided by which event."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from operator import attrgetter
from typing import Final

from streams.logic.state.contents import Era
from streams.logic.state.facts import Fact
from streams.logic.state.runs import Run, runs_of
from streams.logic.state.tags import Tags

_sequence: Final = attrgetter("sequence")


class LifeState(IntEnum):
    """The states given here, by their index in the Avro enum `TransactionLifeState`: also their rank."""

    INCLUDED = 5
    SAFE = 6
    FINALIZED = 7
    REORGED = 8


@dataclass(frozen=True, slots=True)
class Transition:
    """A block came to a state by a fact, or is said `again` to be in it: by a repair.

    `tag` is the SAFE or FINALIZED fact that the state rests on, `since` the sequence from which on the block
    was canonical.
    """

    state: LifeState
    fact: Fact
    tag: Fact | None = None
    again: bool = False
    since: int = -1

    @property
    def sequence(self) -> int:
        """Of the deciding event."""
        return self.fact.sequence

    @property
    def version(self) -> int:
        """Grows with the deciding event; the same after any crash and replay."""
        return self.fact.sequence * 16 + self.state


def history(facts: Sequence[Fact], number: int, safe: Tags, finalized: Tags) -> list[Transition]:
    """All states a block came to, or was said to be in, in order of their sequences."""
    transitions: list[Transition] = []
    for run in (each for each in runs_of(facts) if each.decides):
        if run.began is not None:
            transitions += _canonical(run, run.began, number, safe, finalized)
        if run.ended is not None:
            transitions.append(Transition(LifeState.REORGED, run.ended))
        transitions += [Transition(LifeState.REORGED, each, again=True) for each in run.repeated]
    return transitions


def history_in(
    eras: Sequence[Era], transaction: bytes, transitions: Sequence[Transition]
) -> list[Transition]:
    """The states that one transaction came to in a block whose content changed.

    A transaction that a repair leaves out was never there: by that repair it is REORGED, or said to be again.
    """
    found: list[Transition] = []
    held_before = False
    for place, era in enumerate(eras):
        held = transaction in era.held
        if held:
            end = eras[place + 1].start if place + 1 < len(eras) else None
            found += [
                each
                for each in transitions
                if each.sequence >= era.start and (end is None or each.sequence < end)
            ]
        elif held_before and era.began is not None:
            gone = bool(found) and found[-1].state is LifeState.REORGED
            found.append(Transition(LifeState.REORGED, era.began, again=gone))
        held_before = held
    return found


def told_once(transitions: Sequence[Transition]) -> list[Transition]:
    """Each state once, as it was said last: saying a state again is not another state."""
    found: list[Transition] = []
    for each in transitions:
        if each.again and found and found[-1].state is each.state:
            found[-1] = each
        else:
            found.append(each)
    return found


def _canonical(run: Run, began: Fact, number: int, safe: Tags, finalized: Tags) -> list[Transition]:
    """The states within a run that began."""
    before = None if run.ended is None else run.ended.sequence
    since = run.since
    steps = [] if began.event.repairs else [Transition(LifeState.INCLUDED, began, since=since)]
    final = finalized.covering(number, since, before)
    tagged = safe.covering(number, since, before)
    if tagged is not None and (final is None or tagged.sequence < final.sequence):
        steps.append(Transition(LifeState.SAFE, tagged, tagged, since=since))
    if final is not None:
        steps.append(Transition(LifeState.FINALIZED, final, final, since=since))
    if not run.repairs:
        return steps
    repaired = [_held_at(repair, steps, since) for repair in run.repairs]
    # What came before the first fact that is known of the run shows in what that one says.
    known = [each for each in steps if each.sequence >= began.sequence]
    return sorted([*known, *repaired], key=_sequence)


def _held_at(repair: Fact, steps: Sequence[Transition], since: int) -> Transition:
    """The state that holds where the repair comes."""
    held = bisect_right(steps, repair.sequence, key=_sequence)
    if held == 0:
        return Transition(LifeState.INCLUDED, repair, again=True, since=since)
    return replace(steps[held - 1], fact=repair, again=True)
