"""What a rule is once it is read and compiled: the seam between its text and the fold that applies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

Record = Mapping[str, object]
"""A record by the field names of its Avro schema.

Hashes and addresses are lower-case 0x text, uint256 and other integers are int, times are int milliseconds.
"""
Lists = Mapping[str, frozenset[str]]
"""Name of a list → its addresses, lower-case 0x text."""
Condition = Callable[[Record, Lists], bool]
"""Raises ConditionError where CEL's evaluation ends in an error, such as an overflow of 256 bits."""
Value = Callable[[Record, Lists], int | str | bool | None]


class ConditionError(Exception):
    """An expression that has no value for a record; its text says why."""


class Match(Enum):
    """Which records a rule looks at."""

    BLOCK = "block"
    TRANSACTION = "transaction"
    LOG = "log"
    TOKEN_TRANSFER = "token-transfer"
    CONTRACT_CREATION = "contract-creation"
    TRANSACTION_STATE = "transaction-state"
    STAT = "stat"
    REORG = "reorg"
    ABSENCE = "absence"


class Severity(Enum):
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Finality(Enum):
    """When the first version of an alert goes out."""

    PROVISIONAL = "provisional"
    SAFE = "safe"
    FINALIZED = "finalized"


class Function(Enum):
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    DISTINCT = "distinct"


class Comparison(Enum):
    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    UNEQUAL = "!="


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measure of a window and what it is compared with. `value` and `of` are None for a count."""

    function: Function
    of: str | None
    value: Value | None
    comparison: Comparison
    bound: int


@dataclass(frozen=True, slots=True)
class Window:
    """Windows of block time, `size_ms` long, one beginning every `every_ms`; all thresholds must hold."""

    size_ms: int
    every_ms: int
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must hold for a record before the condition can: `field` has one of `values`, or is in `list`.

    Exactly one of the two is given. The rules of a kind are looked up by it. `word`: what is in the list is
    the address in the field's 32 bytes, as in a topic.
    """

    field: str
    values: frozenset[object] | None = None
    list: str | None = None
    word: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of one text. `version` is the offset of that text in the configuration topic.

    `chains` empty means every chain. `requirements` are conjuncts of `where`, the most selective first;
    empty when the rule cannot be indexed. `title` gives the text of an alert, from the record or from the
    measures of its window, and from the labels of addresses. `within_ms` is for ABSENCE: the longest time
    without a record of the kind `of` that meets `where`.
    """

    id: str
    version: int
    text: str
    chains: frozenset[str]
    severity: Severity
    match: Match
    where: Condition
    lists: frozenset[str]
    requirements: tuple[Requirement, ...]
    group_by: tuple[str, ...]
    window: Window | None
    within_ms: int | None
    finality: Finality
    cooldown_ms: int
    labels: Mapping[str, str]
    channels: tuple[str, ...]
    title: Callable[[Record, Mapping[str, str]], str]
    shadow: bool
    of: Match | None = None
