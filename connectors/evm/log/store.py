"""The seam to the log: an append-only partition that many may write to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from topics.chainlog.headers import Headers


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to append: its value and headers."""

    value: bytes
    headers: Headers = ()


class LogStore(Protocol):
    """One partition. All calls block and come from one thread, `interrupt` from any.

    Every call may raise Transient; after a failed `append` nobody knows what was written, and only
    `renew` makes the store fit for writing again.
    """

    @property
    def topic(self) -> str:
        """Its name, for log lines."""

    def bounds(self) -> tuple[int, int]:
        """First offset kept, and the offset after the last message."""

    def read(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(offset, value) of the messages with start <= offset < end, in order."""

    def append(self, messages: Sequence[Outgoing]) -> list[int]:
        """Write messages in order; their offsets once the log holds them for good.

        At most chain_log.UNACKNOWLEDGED messages are ever under way.
        """

    def renew(self) -> None:
        """Give up the writer and what it has under way, which may still arrive, and make a new one."""

    def trim(self, before: int) -> None:
        """Delete the messages below an offset."""

    def offset_at(self, time_ms: int) -> int | None:
        """Offset of the first message written at that time or later, None when there is none."""

    def interrupt(self) -> None:
        """End a blocked call with Transient, now or within seconds."""

    def close(self) -> None:
        """Release everything."""
