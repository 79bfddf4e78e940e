"""What waits to be written to one table, and when it is worth an insert: pure, one thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.clickhouse.sink.messages import Message, Partition

# A small insert follows the one before it no sooner than this: each insert makes a part to be merged.
PACE_SECONDS: Final = 0.1
BATCH_BYTES: Final = 24 * 1024 * 1024


@dataclass(slots=True)
class Buffer:
    """Messages of one stream in the order of consumption."""

    max_rows: int
    max_seconds: float
    max_bytes: int = BATCH_BYTES
    size: int = 0
    _since: float = 0.0
    _taken: float = float("-inf")
    _messages: list[Message] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, messages: Sequence[Message], now: float) -> None:
        """Append messages; `now` in seconds of any steady clock."""
        if messages and not self._messages:
            self._since = now
        self._messages += messages
        self.size += sum(map(len, messages))

    def due(self, now: float, *, idle: bool) -> bool:
        """True when a batch should go: it is full, or old, or nothing more is coming (`idle`)."""
        if not self._messages:
            return False
        if len(self._messages) >= self.max_rows or self.size >= self.max_bytes:
            return True
        if now - self._since >= self.max_seconds:
            return True
        return idle and now - self._taken >= PACE_SECONDS

    def take(self, now: float) -> Sequence[Message]:
        """The next batch, at least one message when there is any, bounded in rows and in bytes."""
        end = min(len(self._messages), self.max_rows)
        size = self.size
        if end < len(self._messages) or size > self.max_bytes:
            size = 0
            for at in range(end):
                size += len(self._messages[at])
                if size >= self.max_bytes:
                    end = at + 1
                    break
        batch = self._messages[:end]
        del self._messages[:end]
        self.size -= size
        self._since = self._taken = now
        return batch

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget the messages of partitions that went to another process."""
        gone = set(partitions)
        self._messages = [
            message for message in self._messages if (message.topic(), message.partition()) not in gone
        ]
        self.size = sum(map(len, self._messages))
