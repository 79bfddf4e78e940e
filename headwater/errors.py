"""The error taxonomy: what a caller may do about a failure is its class."""

from __future__ import annotations

from headwater.redaction import redact


class HeadwaterError(Exception):
    """A failure with a remedy. `str()` gives both, in one line, for whoever reads it at 3 a.m.

    Logins and keys in `message` are masked here: it goes to topics, tables and screens past every logger.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        message = redact(message)
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class Transient(HeadwaterError):  # noqa: N818 - the class is the verdict, not an "Error"
    """May pass by itself: retry with backoff."""


class Permanent(HeadwaterError):  # noqa: N818
    """Will fail again with the same input: the input goes to the dead letters, the stream goes on."""


class Fatal(HeadwaterError):  # noqa: N818
    """Going on would corrupt or lose data: the process stops and says why."""
