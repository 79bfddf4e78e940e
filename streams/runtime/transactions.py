"""Which outcomes are written together: those of a batch, but for what an event decides ahead of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from streams.stage import Outcome


def transactions(outcomes: Sequence[Outcome]) -> Iterator[Sequence[Outcome]]:
    """The outcomes in order, one sequence per transaction; what is ahead is made when its turn comes."""
    together: list[Outcome] = []
    for outcome in outcomes:
        if outcome.ahead:
            if together:
                yield together
            for make in outcome.ahead:
                yield [Outcome(public=make())]
            together, outcome = [], replace(outcome, ahead=())
        together.append(outcome)
    if together:
        yield together
