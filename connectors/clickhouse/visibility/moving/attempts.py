"""Whose turn it is to move, by the staging tables that stand, and what a process that died left. Pure.

An attempt begins with CREATE TABLE of its lock, which one process succeeds with. It then takes the tables
of the attempts before it by renaming them, so that these can do nothing more. Rows are copied into staging
tables; once they are checked the row of `moved` is staged too, and from then on they are *prepared*: whoever
holds the tables hands them over. Before that nobody does.

An attempt makes its table of `moved` once, or finds that a later one has made it. Names stay taken until the
version of the attempt was reached. So who slept through everything finds his tables gone, or a name taken,
or that something was moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from topics.coverage import BLOCKS, COUNTED

COPIES: Final[Mapping[str, tuple[str, ...]]] = {"token_transfers": ("token_transfers_by_address",)}
"""Tables with the same rows in another order, which a materialized view fills."""
TABLES: Final = tuple(
    table
    for counted in (BLOCKS, *(each.table for each in COUNTED))
    for table in (counted, *COPIES.get(counted, ()))
)
"""The tables whose rows move: of every stream that coverage counts."""
LOCK: Final = "lock"
MOVED: Final = "moved"
_NAME: Final = re.compile(r"settling_(\d+)_(\d+)_(\d+)_(\d+)_(\w+)")


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """The `number`th try to make version `version` of what of a chain is moved."""

    chain_id: int
    version: int
    number: int

    def staging(self, table: str) -> str:
        """The name of a staging table that this attempt makes."""
        return self.held(self.number, table)

    def held(self, origin: int, table: str) -> str:
        """The name under which this attempt holds a staging table that another one made."""
        return f"settling_{self.chain_id}_{self.version}_{origin}_{self.number}_{table}"


@dataclass(frozen=True, slots=True)
class _Name:
    text: str
    chain_id: int
    version: int
    origin: int
    holder: int
    table: str


@dataclass(frozen=True, slots=True)
class Taking:
    """What an attempt does with those before it.

    `blocking`: tables of `moved` to make, so that they cannot; `renamed`: tables to take, to their new names.
    """

    blocking: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The staging tables of a chain, name → engine."""

    engines: Mapping[str, str] = field(default_factory=dict)

    def passed(self, version: int) -> list[str]:
        """Names that need not be taken any more: of versions that were reached. Locks go last."""
        names = [each.text for each in self._names() if each.version <= version]
        return sorted(names, key=lambda name: (name.endswith(LOCK), name))

    def beyond(self, version: int) -> list[Attempt]:
        """The attempts at a version that was not reached."""
        return sorted(
            {
                Attempt(each.chain_id, each.version, number)
                for each in self._names()
                if each.version > version
                for number in (each.origin, each.holder)
            }
        )

    def next(self, chain_id: int, version: int) -> Attempt:
        """The next attempt at the version behind this one."""
        last = max((each.number for each in self.beyond(version)), default=0)
        return Attempt(chain_id, version + 1, last + 1)

    def taking(self, attempt: Attempt) -> Taking:
        """What is left to take; nothing where the attempts before can do nothing more."""
        names = [each for each in self._names() if each.version == attempt.version]
        begun = {each.origin for each in names if each.table == MOVED}
        blocking = {
            Attempt(attempt.chain_id, attempt.version, number).staging(MOVED)
            for number in {each.origin for each in names} - begun
            if number < attempt.number
        }
        renamed = {
            (each.text, attempt.held(each.origin, each.table))
            for each in names
            if each.table != LOCK and each.holder < attempt.number and self.engines[each.text] != "Null"
        }
        return Taking(tuple(sorted(blocking)), tuple(sorted(renamed)))

    def held(self, attempt: Attempt) -> list[int]:
        """The attempts whose table of `moved` this one holds."""
        return sorted(
            each.origin
            for each in self._names()
            if each.version == attempt.version
            and each.holder == attempt.number
            and each.table == MOVED
            and self.engines[each.text] != "Null"
        )

    def _names(self) -> list[_Name]:
        found = []
        for text in self.engines:
            match = _NAME.fullmatch(text)
            if match:
                found.append(
                    _Name(text, int(match[1]), int(match[2]), int(match[3]), int(match[4]), match[5])
                )
        return found


class Patience:
    """How long attempts have stood, as this process has seen it, in seconds of its own clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[Attempt, float] = {}

    def over(self, attempts: Iterable[Attempt], now: float) -> bool:
        """Whether each of the attempts has stood for longer than a move may take."""
        self._seen = {each: self._seen.get(each, now) for each in attempts}
        return all(now - since >= self._seconds for since in self._seen.values())
