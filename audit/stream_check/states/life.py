"""What is known of a transaction: where it is, how often it left, and which messages it had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.stream_check.algebra.branch import BranchKind
from audit.stream_check.states.record import REORGED, StateRecord


@dataclass(slots=True)
class Life:
    """A transaction. `holders` are the blocks of the branch that hold it, `known` those remembered that did.

    `reverts` counts those that were seen, `base` those before, None until a message tells. `unsure`: an event
    of its block was not to be had, so that nothing is held against its messages.
    """

    holders: set[bytes] = field(default_factory=set)
    known: int = 0
    reverts: int = 0
    base: int | None = None
    unsure: bool = False
    versions: dict[int, StateRecord] = field(default_factory=dict)

    @property
    def last(self) -> StateRecord | None:
        """The message of the highest version."""
        return self.versions[max(self.versions)] if self.versions else None

    def before(self, version: int) -> StateRecord | None:
        """The message of the highest lower version that is not REORGED, since the transaction left last."""
        lower = [each for each, record in self.versions.items() if each < version and record.state != REORGED]
        return self.versions[max(lower)] if lower else None


@dataclass(slots=True)
class HeldBlock:
    """A block with transactions. `state` is that of those in it, None while it is not on the branch."""

    number: int
    block_hash: bytes
    transactions: set[bytes] = field(default_factory=set)
    state: str | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """An event of a block: the hashes of the transactions that it has `included`, and `retracted`.

    `whole`: all of its transactions are there. `judged`: it is of the range that was asked for.
    """

    sequence: int
    kind: BranchKind
    number: int
    block_hash: bytes
    included: frozenset[bytes]
    retracted: frozenset[bytes]
    whole: bool
    judged: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What an event's messages must say: transaction → its state there.

    `sure`: what is there is known. `required`: all of them are published; an orphan that is repaired has
    none of transactions that are elsewhere by then.
    """

    states: Mapping[bytes, str]
    sure: bool
    required: bool
