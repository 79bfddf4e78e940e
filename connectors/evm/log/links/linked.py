"""Reads what raw-blocks says from raw-links, and from raw-blocks itself where that has nothing.

raw-links is written after raw-blocks, by whoever leads, without being waited for: any message may be
missing in it, the last ones most likely, and two leaders may tell of the same one. What it must never do
is to tell of another raw-blocks: of one that was made anew, or that lost its end with a broker's disk. So
its newest message is compared with what raw-blocks has at that offset. Where they are the same, what lies
before is too, since a log is only ever cut at its end: whatever was written after a cut differs there, in
its claim if in nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.evm.log.codec import EventCodec, Stored
from connectors.evm.log.links.links import Links
from connectors.evm.log.store import LogStore
from connectors.evm.log.stored import read_stored
from headwater.errors import HeadwaterError, Transient
from headwater.logging import get_logger
from topics.chainlog.claims import LOOK_BACK

_log = get_logger("headwater.listen.links")


class LinkedLog:
    """Messages of raw-blocks without their answers. With `links` None all of them are read there.

    With `writes` raw-links is emptied where it contradicts raw-blocks, and `complete` adds to it: only a
    leader may.
    """

    def __init__(self, store: LogStore, codec: EventCodec, links: Links | None, *, writes: bool) -> None:
        self._store = store
        self._codec = codec
        self._links = links
        self._reads = links is not None
        self._writes = links is not None and writes
        self._known: dict[int, Stored] = {}
        self._missing: dict[int, Stored] = {}
        self._asked = 0

    @property
    def read_whole(self) -> int:
        """How many messages had to be read with their answers."""
        return len(self._missing)

    def read(self, start: int, end: int) -> Iterator[Stored]:
        """Messages with start <= offset < end, where `end` is the log's. Raises Transient, Fatal."""
        self._ask(end - start)
        offset = start
        while offset < end:
            stored = self._known.get(offset)
            if stored is not None:
                yield stored
                offset += 1
                continue
            upto = offset + 1
            while upto < end and upto not in self._known:
                upto += 1
            yield from self._read_whole(offset, upto)
            offset = upto

    def complete(self) -> None:
        """Write to raw-links what it lacked, in the log's order: the next start looks at its end."""
        if self._writes and self._links is not None:
            for offset in sorted(self._missing):
                self._links.note(self._missing[offset])

    def distrust(self) -> bool:
        """Go on without what raw-links has, which is wrong; False where nothing was taken from it."""
        if not self._reads:
            return False
        _log.warning("raw-links tells of another raw-blocks and is not used: it is written anew")
        self._reads = False
        self._known = {}
        if self._writes and self._links is not None:
            try:
                self._links.forget()
            except Transient as error:
                _log.warning("raw-links is not emptied: the next start tries it again", error=str(error))
        return True

    def _read_whole(self, start: int, end: int) -> Iterator[Stored]:
        for stored in read_stored(self._store, self._codec, start, end):
            self._known[stored.position.offset] = self._missing[stored.position.offset] = stored
            yield stored

    def _ask(self, count: int) -> None:
        """Take in what raw-links has of the log's last `count` messages, some of them out of order."""
        if self._links is None or not self._reads or count <= self._asked:
            return
        self._asked = count
        try:
            found = {each.position.offset: each for each in self._links.last(2 * count + LOOK_BACK)}
        except HeadwaterError as error:
            _log.warning("raw-links cannot be read: reading raw-blocks, which takes longer", error=str(error))
            self._reads = False
            return
        if self._tells_of_this_log(found):
            self._known = {**found, **self._known}
        else:
            self.distrust()

    def _tells_of_this_log(self, found: dict[int, Stored]) -> bool:
        newest = max(found, default=None)
        # Asked after raw-links was read: a rival may write to both meanwhile.
        low, end = self._store.bounds()
        if newest is None or newest < low:
            return True
        if newest >= end:
            return False
        (actual,) = read_stored(self._store, self._codec, newest, newest + 1)
        return actual == found[newest]
