"""What an HTTP answer of a node means: the raw JSON of results, or which kind of failure it is.

Pure. Results are cut out of the answer as the bytes that the node sent: nothing it said is lost, and
nothing is parsed twice.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from headwater.errors import Permanent, Transient
from headwater.redaction import redact

MAX_RETRY_AFTER: Final = 120.0
_SHOWN: Final = 160
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
UNKNOWN_BLOCK: Final = -39001
LIMIT_EXCEEDED: Final = -32005

# Phrases of nodes and providers, messages before codes: they use the codes for anything.
_UNSUPPORTED: Final = (
    "does not exist",
    "not supported",
    "unsupported",
    "not available",
    "method not found",
    "not whitelisted",
    "not implemented",
    "unknown method",
)
_THROTTLED: Final = ("rate limit", "too many requests", "limit exceeded", "capacity", "throttl")
_NO_SUCH_BLOCK: Final = ("block not found", "unknown block", "header not found")


class NodeFailure(Transient):
    """A bad answer, or none: another endpoint or another moment may do better.

    `outcome` is the metric's label, `retry_after` the seconds that the node asked to be left alone.
    """

    def __init__(self, endpoint: str, what: str, outcome: str, *, retry_after: float = 0.0) -> None:
        super().__init__(f"{endpoint}: {what}")
        self.endpoint = endpoint
        self.what = what
        self.outcome = outcome
        self.retry_after = retry_after


class NoSuchBlock(NodeFailure):
    """The node says that it does not have the block; a chain without finality says so of its tags."""


class NoBatches(NodeFailure):
    """The node answered a batch with one answer: it may still take the calls one after the other."""


class Unsupported(Permanent):
    """The endpoint will never answer this call: unknown method, parameter or tag."""

    def __init__(self, endpoint: str, what: str) -> None:
        super().__init__(f"{endpoint}: {what}")
        self.endpoint = endpoint
        self.what = what


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, body and the Retry-After header of an HTTP response."""

    status: int
    body: bytes
    retry_after: str | None = None


class _Error(msgspec.Struct):
    code: int | str | None = None
    message: str | None = None
    data: object = None


class _Envelope(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None
    id: int | str | None = None


_ONE: Final = msgspec.json.Decoder(_Envelope)
_MANY: Final = msgspec.json.Decoder(list[_Envelope])


def result_of(endpoint: str, method: str, answer: HttpAnswer, secrets: Collection[str] = ()) -> memoryview:
    """The raw JSON of a call's result. Raises NodeFailure or Unsupported.

    Nodes quote their address in what they say of an error: its `secrets` are left out.
    """
    _check_status(endpoint, method, answer, secrets)
    try:
        return _result(endpoint, method, _ONE.decode(answer.body), secrets)
    except msgspec.MsgspecError as error:
        raise _broken(endpoint, method, answer.body, error) from error


def results_of(
    endpoint: str, method: str, answer: HttpAnswer, count: int, secrets: Collection[str] = ()
) -> list[memoryview]:
    """The raw JSON of a batch's results; calls have the ids 0 to count - 1. Raises as `result_of`."""
    _check_status(endpoint, method, answer, secrets)
    try:
        if answer.body.lstrip()[:1] == b"{":
            raise _no_batches(endpoint, method, count, _ONE.decode(answer.body), secrets)
        by_id = {str(each.id): each for each in _MANY.decode(answer.body)}
    except msgspec.MsgspecError as error:
        raise _broken(endpoint, method, answer.body, error) from error
    missing = [number for number in range(count) if str(number) not in by_id]
    if missing:
        raise NodeFailure(endpoint, f"{method}: {len(missing)} of {count} answers are missing", "broken")
    return [_result(endpoint, method, by_id[str(number)], secrets) for number in range(count)]


def json_array(items: Sequence[bytes | memoryview]) -> bytes:
    """One JSON array of raw items, as eth_getBlockReceipts would have answered it."""
    return b"[" + b",".join(items) + b"]"


def is_null(raw: bytes | memoryview) -> bool:
    """Whether a raw result is null: the node does not have what was asked for."""
    return raw == b"null"


def _result(endpoint: str, method: str, envelope: _Envelope, secrets: Collection[str]) -> memoryview:
    if envelope.error is not None:
        raise _failure(endpoint, method, envelope.error, secrets)
    raw = memoryview(envelope.result)
    if not raw:
        raise NodeFailure(endpoint, f"{method}: an answer without result and error", "broken")
    return raw


def _no_batches(
    endpoint: str, method: str, count: int, answer: _Envelope, secrets: Collection[str]
) -> NodeFailure | Unsupported:
    if answer.error is not None:
        failure = _failure(endpoint, method, answer.error, secrets)
        # An invalid request is what a node says that expects one call; all else is about the calls.
        if answer.error.code not in (INVALID_REQUEST, PARSE_ERROR):
            return failure
    return NoBatches(endpoint, f"{method}: one answer to a batch of {count}", "broken")


def _failure(
    endpoint: str, method: str, error: _Error, secrets: Collection[str]
) -> NodeFailure | Unsupported:
    message = (error.message or "").lower()
    shown = redact(error.message or "without a message", secrets)[:_SHOWN]
    what = f"{method}: error {redact(str(error.code)[:_SHOWN], secrets)}: {shown}"
    if error.code in (LIMIT_EXCEEDED, 429) or any(phrase in message for phrase in _THROTTLED):
        return NodeFailure(endpoint, what, "throttled")
    if error.code in (METHOD_NOT_FOUND, INVALID_PARAMS) or any(phrase in message for phrase in _UNSUPPORTED):
        return Unsupported(endpoint, what)
    if error.code == UNKNOWN_BLOCK or any(phrase in message for phrase in _NO_SUCH_BLOCK):
        return NoSuchBlock(endpoint, what, "error")
    return NodeFailure(endpoint, what, "error")


def _check_status(endpoint: str, method: str, answer: HttpAnswer, secrets: Collection[str]) -> None:
    status = answer.status
    if status < 400:
        return
    wait = retry_after_seconds(answer.retry_after)
    if status == 429:
        raise NodeFailure(endpoint, f"{method}: HTTP 429, too many requests", "throttled", retry_after=wait)
    # Some nodes send a JSON-RPC error with a 4xx status: what it says is worth more than the number.
    if status < 500 and answer.body.lstrip()[:1] == b"{":
        try:
            error = _ONE.decode(answer.body).error
        except msgspec.MsgspecError:
            error = None
        if error is not None:
            raise _failure(endpoint, method, error, secrets)
    hint = " (is the key in its address right?)" if status in (401, 403, 404) else ""
    raise NodeFailure(endpoint, f"{method}: HTTP {status}{hint}", "http", retry_after=wait)


def retry_after_seconds(header: str | None) -> float:
    """Seconds of a Retry-After header, at most two minutes; a date or nonsense counts as one second."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        return 1.0
    # "nan" is a float, and no bound holds it.
    return 1.0 if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _broken(endpoint: str, method: str, body: bytes, error: Exception) -> NodeFailure:
    start = body.lstrip()[:1]
    if start == b"<":
        return NodeFailure(endpoint, f"{method}: HTML where JSON was due", "html")
    if not start:
        return NodeFailure(endpoint, f"{method}: an empty answer", "broken")
    return NodeFailure(endpoint, f"{method}: broken JSON in {len(body)} bytes: {error}", "broken")
