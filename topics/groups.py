"""The stages: which there are, what each reads and writes, what each needs. The only list of them.

Everything that names all groups derives from it: the catalogue's changelogs, the workers, the local stack's
processes, the screen, the command line. A stage itself is `streams/agents/<name>.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from headwater.errors import Fatal


class Need(Enum):
    """What must be in place before a process starts."""

    TOPICS = "topics"  # `headwater topics apply`
    SCHEMAS = "schemas"  # `headwater schemas register`
    TABLES = "tables"  # `headwater migrate`


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group whose workers run one stage.

    `input` is the stream it follows, `output` the internal stream it writes, None when it writes public
    ones only: then its `table`, a Faust table by name, or its `state`, a compacted stream that it writes in
    the transaction of its public messages, holds its last sequence. `fenced`: the input is raw-blocks,
    where only events of the latest CLAIM count.
    """

    name: str
    input: str
    output: str | None
    fenced: bool = False
    table: str | None = None
    state: str | None = None
    needs: tuple[Need, ...] = (Need.TOPICS, Need.SCHEMAS)


GROUPS: Final = (
    Group("normalize", "raw-blocks", "normalized-blocks", fenced=True),
    Group("enrich", "normalized-blocks", "enriched-blocks"),
    Group("state", "enriched-blocks", None, table="blocks"),
    Group("aggregate", "enriched-blocks", None, state="aggregate-state"),
    Group("alert", "enriched-blocks", None, state="alert-state"),
)
NAMES: Final = tuple(group.name for group in GROUPS)
SINK: Final = "sink"
DELIVER: Final = "deliver"
"""The consumer groups that are not stages, by the end of their names; their roles are called the same."""


def group_of(name: str) -> Group:
    """The group of a name. Raises Fatal naming the known ones."""
    for group in GROUPS:
        if group.name == name:
            return group
    raise Fatal(f"unknown group {name}", remedy=f"known: {', '.join(NAMES)}")
