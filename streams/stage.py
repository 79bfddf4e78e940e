"""What a stage is: the seam between the runner, which reads and writes, and the logic, which decides.

`StageContext` and `StageSpec` stand here too: they are the same seam, when the host makes a stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from headwater.errors import Permanent
from headwater.settings import Settings
from schemas import StreamReader
from streams.logic.event import ChainEvent, Messages, Position
from topics.groups import Group


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event makes the runner write.

    `public` goes into a Kafka transaction; `coverage` is called with where these messages landed, and what
    it returns goes into the same transaction. `internal` is written once that is committed, then
    `table` (key → value, None deletes), then the event is acknowledged.

    `ahead` is for an event that decides more than one transaction should hold: each of them makes messages
    that are committed in a transaction of their own, in order, before `public`. A crash between two repeats
    them, so they must be such that saying them again changes nothing.

    `state` is for a stage whose group names a state topic: the entries of that topic that change (None
    deletes). They go into the transaction with everything else, `internal` included: once they say that
    the event is done, nothing of it would be written again.
    """

    public: Sequence[Messages] = ()
    ahead: Sequence[Callable[[], Sequence[Messages]]] = ()
    coverage: Callable[[Sequence[Position]], Messages] | None = None
    internal: Sequence[Messages] = ()
    table: Sequence[tuple[bytes, bytes | None]] = ()
    state: Messages | None = None


class Stage(Protocol):
    """The logic of a group. Called in the order of the chain, by one thread at a time.

    The runner calls `handle` once with each event. Permanent sends the event to the dead letters and
    asks for its `placeholder`; Transient makes the runner call again, so it must be raised before
    anything is remembered; any other error stops the process. A message that its topic would refuse for
    its size is treated as Permanent too: a stage that remembers makes small ones.
    """

    def handle(self, event: ChainEvent) -> Outcome:
        """What the event causes. Raises Permanent or Transient."""

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        """What goes downstream instead of an event that is in the dead letters: the sequence has no hole.

        The values of the event may be anything; only the envelope can be relied on, and its kind is
        UNKNOWN when even that could not be read.
        """

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        """Forget everything and start again from what was kept: called with each assignment.

        `table` is the content of the group's table or of its state topic, empty where it has neither.
        Returns the last sequence that it holds; None when the stage keeps none, and then the runner reads
        it off the tail of the output topic.
        """


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage is made with.

    `frame(stream)` is the five bytes before each value of that stream, `reader(stream)` reads its values,
    whichever version of the schema they were written with.
    """

    settings: Settings
    group: Group
    frame: Callable[[str], bytes]
    reader: Callable[[str], StreamReader]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A group, and how its stage is made."""

    group: Group
    build: Callable[[StageContext], Stage]
