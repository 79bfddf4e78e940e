"""Scripted bad answers: everything that a node does wrong, on demand and in order.

A fault is taken by the next call whose method it names (or any call), `times` times in a row. Faults of
the transport (HTML, status codes, silence, cut JSON) spoil the whole HTTP response that the call is in.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from sandbox.node.errors import RpcError


@dataclass(frozen=True, slots=True)
class NullResult:
    """The call is answered `null`, as by a node that lags behind."""


@dataclass(frozen=True, slots=True)
class Result:
    """The call is answered with this JSON result."""

    value: object


@dataclass(frozen=True, slots=True)
class Changed:
    """The call's own result, passed through `edit` (a changed block, receipts of another block, …)."""

    edit: Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Before:
    """`action` runs before the call is answered, to reorganise the chain between two calls for instance."""

    action: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Instead:
    """The call is answered with these bytes of JSON in place of its own result."""

    answer: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class CallError:
    """The call is answered with a JSON-RPC error."""

    code: int = -32000
    message: str = "header not found"


@dataclass(frozen=True, slots=True)
class Status:
    """The HTTP response has this status and body; `retry_after` in seconds."""

    status: int = 503
    body: str = "upstream unavailable"
    content_type: str = "text/plain"
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The HTTP response ends in the middle of its JSON, after `keep` bytes (None: half of them)."""

    keep: int | None = None


@dataclass(frozen=True, slots=True)
class CutShare:
    """The HTTP response ends after this share of its bytes."""

    share: float


@dataclass(frozen=True, slots=True)
class HalfWritten:
    """The connection ends after this share of a body whose whole length was announced."""

    share: float


@dataclass(frozen=True, slots=True)
class Padded:
    """The HTTP response goes on with so many bytes of white space, `compressed` on the wire or not."""

    bytes: int
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """The HTTP response has this body."""

    bytes: bytes


@dataclass(frozen=True, slots=True)
class Silence:
    """The HTTP response comes after this many seconds."""

    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection is closed without a response."""


Transport = Status | Cut | CutShare | HalfWritten | Padded | Body | Silence | Disconnect
Fault = NullResult | Result | Changed | Instead | Before | CallError | Transport

HTML = Status(200, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")


def too_many_requests(retry_after: float = 1.0) -> Status:
    """Return the fault of a throttling provider."""
    return Status(429, "too many requests", retry_after=retry_after)


@dataclass(slots=True)
class _Scripted:
    fault: Fault
    method: str | None
    left: int


class Faults:
    """The queue of scripted faults; `taken` counts those that were used up."""

    def __init__(self) -> None:
        self._queue: list[_Scripted] = []
        self.taken = 0

    def add(self, fault: Fault, method: str | None = None, times: int = 1) -> None:
        """Queue a fault for the next `times` calls of `method` (None: of any)."""
        self._queue.append(_Scripted(fault, method, times))

    def clear(self) -> None:
        self._queue.clear()

    def __len__(self) -> int:
        return sum(scripted.left for scripted in self._queue)

    def take(self, method: str) -> Fault | None:
        """Return the first queued fault for a call of `method` and use it up."""
        for scripted in self._queue:
            if scripted.method in (None, method):
                scripted.left -= 1
                self.taken += 1
                if scripted.left <= 0:
                    self._queue.remove(scripted)
                return scripted.fault
        return None


def damaged(fault: Transport | None, body: bytes) -> bytes:
    """Return the bytes of a response, decompressed, under a fault of the transport that changes them."""
    match fault:
        case Cut(keep):
            return body[: len(body) // 2 if keep is None else keep]
        case CutShare(share) | HalfWritten(share):
            return body[: int(len(body) * share)]
        case Padded(size):
            return body + b" " * size
        case Body(instead):
            return instead
    return body


def spoil(fault: Fault | None, answer: Callable[[], bytes]) -> bytes:
    """Return the result of a call under a fault that is not of the transport. Raises RpcError."""
    match fault:
        case NullResult():
            return b"null"
        case Result(value):
            return orjson.dumps(value)
        case Changed(edit):
            return orjson.dumps(edit(orjson.loads(answer())))
        case Instead(instead):
            return instead()
        case Before(action):
            action()
        case CallError(code, message):
            raise RpcError(code, message)
    return answer()
