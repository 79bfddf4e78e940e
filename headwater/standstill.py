"""Whether the partitions of a consumer are read at all: asked of brokers, judged, said in health.

Its own client does not know: a fetch that gets nothing for ever shows no end beyond what it has. So the
brokers are asked now and then, in a thread of its own, and the answer is held against what was read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.kafka.bounds import Bounds, KafkaBounds, Partition
from headwater.logging import get_logger
from headwater.settings import Settings
from headwater.watchdog import Watchdog, stands_still

STALL_SECONDS: Final = 120.0
"""How long nothing may come of what waits, while this process has nothing else to do."""
ASK_SECONDS: Final = 10.0
FRESH_SECONDS: Final = 30.0
"""How long their answer counts: brokers that take longer over the next keep messages from us as well."""
LOOK_SECONDS: Final = 10.0
"""After a longer time without a look the process was at something else, and could not have read."""
_log = get_logger("headwater.standstill")


class Asked(Protocol):
    """Who tells between which offsets partitions lie: `KafkaBounds`."""

    def of(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """Raises Transient while a broker does not answer, Fatal when it rejects us."""

    def close(self) -> None:
        """Release what it asks with."""


class Standstill:
    """`part` is what health calls it. `look` and `bounds` are for one thread, and never wait."""

    def __init__(
        self,
        part: str,
        asked: Asked,
        clock: Callable[[], float] = time.monotonic,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._part = part
        self._asked = asked
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._watchdog: Watchdog[Partition] = Watchdog(STALL_SECONDS)
        self._looked = float("-inf")
        self._partitions: frozenset[Partition] = frozenset()
        self._lock = threading.Lock()
        self._bounds: Mapping[Partition, Bounds] = {}
        self._answered: float | None = None
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._due, self._ended = threading.Event(), threading.Event()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask while the context lasts."""
        self.start()
        try:
            yield
        finally:
            self.end()

    def start(self) -> None:
        """Begin to ask, where that has not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._part, daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Ask no more. It is not waited for: a broker that is away must not keep the process."""
        self._ended.set()
        self._due.set()

    def bounds(self, partition: Partition) -> Bounds | None:
        """What the brokers told last of an assigned partition, None before they have."""
        with self._lock:
            return self._bounds.get(partition)

    def look(self, positions: Mapping[Partition, int], *, busy: bool = False) -> None:
        """Judge. `positions`: the assigned partitions, and the offset below which each is read as far as
        this process knows, 0 where it does not; `busy`: it has something in hand, and reads nothing.

        Raises Fatal when a partition stands still, and what ended the asking.
        """
        now = self._clock()
        late, self._looked = now - self._looked > LOOK_SECONDS, now
        if self._partitions != positions.keys():
            self._partitions = frozenset(positions)
            self._due.set()
        with self._lock:
            bounds, answered, failure = self._bounds, self._answered, self._failure
        if failure is not None:
            raise failure
        self._watchdog.update_end_offsets({each: told.end for each, told in bounds.items()})
        reached = {
            each: max(position, bounds[each].start) if each in bounds else position
            for each, position in positions.items()
        }
        away = answered is None or now - answered > self._fresh_seconds
        excused = positions.keys() if busy or late or away else positions.keys() - bounds.keys()
        self._watchdog.look(now, reached, excused)
        if stalled := self._watchdog.stalled(now):
            error = stands_still(stalled, self._watchdog.seconds)
            HEALTH.report(self._part, False, str(error))
            HEALTH.fail(str(error))
            raise error

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self.ask()
                self._due.wait(ASK_SECONDS)
                self._due.clear()
        except BaseException as error:  # noqa: BLE001 - raised by the next look
            with self._lock:
                self._failure = error
        finally:
            self._asked.close()

    def ask(self) -> None:
        """Ask the brokers once, of what was assigned at the last look."""
        partitions = self._partitions
        try:
            told = self._asked.of(partitions) if partitions else {}
        except Transient as error:
            if not self._ended.is_set():
                self._say(False, str(error))
            return
        with self._lock:
            self._bounds, self._answered = told, self._clock()
        self._say(True, "")

    def _say(self, ok: bool, detail: str) -> None:
        if not ok:
            with self._lock:
                self._answered = None
            _log.warning("the brokers do not tell where partitions end", error=detail)
        HEALTH.report(self._part, ok, detail)


def standstill(settings: Settings, stream: str, group: str | None) -> Standstill:
    """Of a consumer of a stream; `group` is the whole name of that whose committed offsets count."""
    return Standstill(f"reading {stream}", KafkaBounds(settings, group))
