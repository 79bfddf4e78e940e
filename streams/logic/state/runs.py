"""The stretches in which a block was canonical, from the facts about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.logic.state.facts import Fact
from topics.chainlog.kinds import EventKind


@dataclass(slots=True)
class Run:
    """A block was canonical from `began` to `ended`; one is None where it lies beyond what is known.

    It began with an APPLY, or with the first REPAIR where that is not known. `since` is the sequence after
    which tags speak of it. `repairs` are the REPAIRs within; `repeated` the REPAIR_REVERTs after its end.
    """

    began: Fact | None
    ended: Fact | None = None
    since: int = -1
    repairs: list[Fact] = field(default_factory=list)
    repeated: list[Fact] = field(default_factory=list)

    @property
    def decides(self) -> bool:
        """False where a REPAIR_REVERT is the first that is known of the block.

        It left the chain long ago, and what its transactions came to since in other blocks, nearly all of
        them are mined again, is not known any more either: to say REORGED would take back what is right.
        """
        return self.began is not None or (self.ended is not None and not self.ended.event.repairs)


def runs_of(facts: Sequence[Fact]) -> list[Run]:
    """The stretches, oldest first; `facts` are in order of their sequences.

    An APPLY of a block that is canonical already, or a REVERT of one that is not, decides nothing.
    """
    runs: list[Run] = []
    current: Run | None = None
    for fact in facts:
        event = fact.event
        if not event.removes:
            if current is None:
                current = Run(fact, since=_since(fact, runs))
                runs.append(current)
            if event.repairs:
                current.repairs.append(fact)
        elif current is not None:
            current.ended, current = fact, None
        elif not runs:
            runs.append(Run(None, fact))
        elif event.repairs:
            runs[-1].repeated.append(fact)
    return runs


def reverts_in(facts: Sequence[Fact]) -> list[Fact]:
    """The distinct facts that took the block off the chain: REVERTs, and REPAIR_REVERTs where one is lost."""
    runs = [run for run in runs_of(facts) if run.decides]
    ended = [run.ended for run in runs if run.ended is not None and run.ended.event.repairs]
    return [fact for fact in facts if fact.event is EventKind.REVERT] + ended


def _since(began: Fact, runs: Sequence[Run]) -> int:
    if not began.event.repairs:
        return began.sequence
    last = runs[-1].ended if runs else None
    return -1 if last is None else last.sequence
