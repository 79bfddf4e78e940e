"""What the records of one block give to the rules that they match: all that is ever asked of its content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from streams.logic.alerts.alert import Alert, Group
from streams.logic.alerts.tally import Tally


class RuleGroup(NamedTuple):
    """A group of one version of a rule."""

    rule_id: str
    version: int
    group: Group


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """A record that matched a rule without a window: an alert, unless a cooldown holds it back.

    `until`: the same thing may be said again until that time, milliseconds, and makes no second alert.
    `time`: the block time that it is of, where it is of no block. New fields go to the end.
    """

    owner: RuleGroup
    alert: Alert
    until: int | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Gives:
    """`seen`: groups of absence rules. `errors`: rule → records for which its condition has no value.

    `again`: the identities of statistics and of transactions' states that a repair has changed. What they
    give is among the candidates, and replaces what they gave to the block and those behind it.
    """

    candidates: tuple[Candidate, ...] = ()
    tallies: dict[RuleGroup, Tally] = field(default_factory=dict)
    seen: tuple[RuleGroup, ...] = ()
    errors: Counter[str] = field(default_factory=Counter)
    again: frozenset[bytes] = frozenset()


def together(one: Gives, other: Gives) -> Gives:
    """What both give; they share no group of a rule."""
    return Gives(
        one.candidates + other.candidates,
        one.tallies | other.tallies,
        one.seen + other.seen,
        one.errors + other.errors,
        one.again | other.again,
    )


NOTHING: Final = Gives()
"""What a block gives whose content is not known."""
