"""Faults of the connection, of HTTP's answers and of WebSockets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sandbox.node.plan.errors import ErrorName
from sandbox.node.plan.rule import Rule


class Latency(Rule):
    """Answers take a time drawn from a log-normal distribution with this median and 95th percentile."""

    kind: Literal["latency"]
    p50: float = Field(gt=0)
    p95: float = Field(gt=0)


class Throttled(Rule):
    """HTTP 429."""

    kind: Literal["throttled"]
    retry_after: float = Field(1.0, ge=0)


class Http(Rule):
    """An HTTP status with any body."""

    kind: Literal["http"]
    status: int = Field(502, ge=200, le=599)
    body: str = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Cut(Rule):
    """The answer ends after this share of its bytes."""

    kind: Literal["cut"]
    share: float = Field(0.5, ge=0, lt=1)


class Oversized(Rule):
    """The answer is followed by so many bytes of white space; compressed, they are few on the wire."""

    kind: Literal["oversized"]
    bytes: int = Field(gt=0)
    compressed: bool = False


class Silence(Rule):
    """The answer comes after so many seconds, which is never for most."""

    kind: Literal["silence"]
    seconds: float = Field(3600.0, gt=0)


class Disconnect(Rule):
    """The connection is closed without an answer."""

    kind: Literal["disconnect"]


class HalfWritten(Rule):
    """The connection ends after this share of a body whose whole length was announced."""

    kind: Literal["half_written"]
    share: float = Field(0.5, ge=0, lt=1)


class HalfOpen(Rule):
    """Connections are taken and nothing is ever answered, WebSocket handshakes included."""

    kind: Literal["half_open"]


class Garbage(Rule):
    """A body that is not JSON, or JSON that nobody may read without a limit."""

    kind: Literal["garbage"]
    body: Literal["empty", "not_utf8", "deep", "digits"] = "not_utf8"


class RateLimit(Rule):
    """More than so many calls a second are refused: HTTP 429, or one of the errors by `name`."""

    kind: Literal["rate_limit"]
    per_second: float = Field(gt=0)
    retry_after: float = Field(1.0, ge=0)
    name: ErrorName | None = None


class SilentSubscription(Rule):
    """Subscribers over WebSocket are told of no head; the connection stays up and calls are answered."""

    kind: Literal["silent_subscription"]
