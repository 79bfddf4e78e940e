"""raw-links in memory."""

from __future__ import annotations

from connectors.evm.log.codec import Stored
from connectors.evm.log.links.links import LinkCodec
from headwater.errors import Transient


class MemoryLinks:
    """Links in memory. Several of them may share `values`, as listeners share a topic."""

    def __init__(self, values: list[bytes] | None = None) -> None:
        self.values: list[bytes] = [] if values is None else values
        self.codec = LinkCodec(8)
        self.away = False

    def last(self, count: int) -> list[Stored]:
        self._reach()
        return list(self.codec.decode(self.values[-count:]))

    def note(self, stored: Stored) -> None:
        if not self.away:
            self.values.append(self.codec.encode(stored))

    def forget(self) -> None:
        self._reach()
        self.values.clear()

    def close(self) -> None:
        """Nothing to release."""

    def _reach(self) -> None:
        if self.away:
            raise Transient("the broker is away")
