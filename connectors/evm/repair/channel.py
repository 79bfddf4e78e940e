"""The seam to the topics of repairs. All calls block, come from one thread, and may raise Transient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.evm.repair.request import Outcome, Request
from headwater.logging import Fields


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of repair-requests; `request` is None where it cannot be read, and `problem` says why.

    `log_fields` is what log lines say of the message.
    """

    offset: int
    request: Request | None
    problem: str = ""
    log_fields: Fields = dict


class Requests(Protocol):
    """Requests from the committed one on."""

    def next(self, limit: int) -> Sequence[Asked]:
        """The next ones, `limit` at most; none when there is none for a moment.

        Raises Fatal when none comes although some wait.
        """

    def waiting(self) -> int:
        """How many were not committed, as far as the last call of `next` and the brokers say."""

    def commit(self, end: int) -> None:
        """All below the offset `end` are answered."""

    def close(self) -> None:
        """Release the client."""


class Outcomes(Protocol):
    """Outcomes, the latest of a request being the one that holds."""

    def publish(self, outcomes: Sequence[Outcome]) -> None:
        """Write them; returns once the brokers hold them for good."""

    def repairs(self) -> dict[bytes, int]:
        """The sequence of the last repair that was published for a block, by hash."""

    def interrupt(self) -> None:
        """End a blocked call with Transient; from any thread."""

    def close(self) -> None:
        """Release the clients."""
