"""What each role and command does on Kafka: of which an ACL is made where the brokers have an authorizer.

Who writes a topic and who reads it stands in the catalogue. Here is what follows from how they do it: one
that looks in its own topic for where it ended reads it, one that cuts a log deletes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from topics.catalog import TOPICS
from topics.coverage import COVERAGE
from topics.coverage import STREAMS as COUNTED
from topics.groups import DELIVER, GROUPS, SINK, Group
from topics.lag.readers import READERS

LISTEN: Final = "listen"
PER_PARTITION: Final = "."
"""Behind a group's name in a transactional id, before a number: the ACL is of the prefix."""


@dataclass(frozen=True, slots=True)
class Access:
    """Operations by Kafka's names; streams stand for their topics. Read and Write include Describe.

    `own`: topics that Faust names, to read and to write. `read_groups`: those that it is a member of;
    `asked_groups`: those whose offsets it asks for (Describe). `transactional`: ids, prefixes where they end
    with `PER_PARTITION`. All by the ends of their names.
    """

    who: str
    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    delete: frozenset[str] = frozenset()
    describe: frozenset[str] = frozenset()
    own: tuple[str, ...] = ()
    read_groups: tuple[str, ...] = ()
    asked_groups: tuple[str, ...] = ()
    transactional: tuple[str, ...] = ()


# Beyond the catalogue's consumers: who reads what it writes itself, and commands that look into more.
_ALSO_READ: Final[Mapping[str, tuple[str, ...]]] = {
    LISTEN: ("raw-blocks", "repairs"),  # where its log ends, and what it answered already
    **{group.name: (group.output,) for group in GROUPS if group.output is not None},  # where its output ends
    "rules": ("alert-state", "enriched-blocks"),  # which texts are in force; `rules backtest`
    # Of which block a letter is, and what was asked.
    "replay": ("raw-blocks", "dead-letters", "repair-requests"),
    "verify": ("repairs",),  # `--repair` waits for what became of it
    "lag": tuple({stream for reader in READERS for stream in reader.streams} | {COVERAGE}),
    "check-stream": (*COUNTED, COVERAGE, "transaction-states"),
}
# Coverage is what verify reads of ClickHouse, not of Kafka.
_NOT_READ: Final = {("verify", COVERAGE)}


def access_of(who: str) -> Access:
    """Of a role or a command by its name."""
    read = {spec.stream for spec in TOPICS if who in spec.consumers} | set(_ALSO_READ.get(who, ()))
    write = {spec.stream for spec in TOPICS if who in spec.producers}
    group = next((each for each in GROUPS if each.name == who), None)
    own, more = _of_stage(group) if group is not None else ((), _MORE.get(who, Access(who)))
    return Access(
        who,
        frozenset(stream for stream in read if (who, stream) not in _NOT_READ),
        frozenset(write),
        more.delete,
        more.describe,
        own,
        more.read_groups,
        more.asked_groups,
        more.transactional,
    )


def _of_stage(group: Group) -> tuple[tuple[str, ...], Access]:
    changelog = () if group.table is None else (f"{group.name}-{group.table}-changelog",)
    ids = (f"{group.name}{PER_PARTITION}",)
    own = (*changelog, f"{group.name}-__assignor-__leader")
    return own, Access(group.name, read_groups=(group.name,), transactional=ids)


_DELIVER_GROUPS: Final = (DELIVER, f"{DELIVER}-channels")
_MORE: Final[Mapping[str, Access]] = {
    each.who: each
    for each in (
        # The front of raw-blocks goes behind retention; raw-links is emptied where it tells of another log.
        Access(LISTEN, delete=frozenset({"raw-blocks", "raw-links"}), read_groups=(LISTEN,)),
        Access(SINK, read_groups=(SINK,)),
        Access(
            DELIVER,
            read_groups=_DELIVER_GROUPS,
            transactional=tuple(f"{group}{PER_PARTITION}" for group in _DELIVER_GROUPS),
        ),
        Access(
            "stats",
            # It waits until the sink has stored all of it.
            describe=frozenset({COVERAGE, "incomplete-windows"}),
            asked_groups=(SINK,),
            transactional=(f"stats-rebuild{PER_PARTITION}",),
        ),
        Access("tokens", transactional=("tokens",)),
        Access("lag", asked_groups=tuple(reader.group for reader in READERS)),
    )
}
ROLES: Final = (LISTEN, *(group.name for group in GROUPS), DELIVER, SINK)
COMMANDS: Final = (
    "rules",
    "lists",
    "labels",
    "channels",
    "deliveries",
    "tokens",
    "stats",
    "replay",
    "verify",
    "check-stream",
    "lag",
)
ON_ALL_TOPICS: Final = frozenset({"topics", "doctor"})
"""Which look at every topic of a chain, or make them: on the prefix."""
WITHOUT_KAFKA: Final = frozenset({"up", "schemas", "migrate", "sql", "status", "settings", "node", "version"})
"""Or with a Kafka of their own."""
