"""What an HTTP answer of a node means: the raw JSON of results, or which kind of failure it is.

Pure. Results are cut out of the answer as the bytes that the node sent: nothing it said is lost, and
nothing is parsed twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from headwater.errors import Permanent, Transient
from headwater.evm.answers.errors import UNREADABLE
from headwater.redaction import redact

MAX_RETRY_AFTER: Final = 120.0
_SHOWN: Final = 160
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
UNKNOWN_BLOCK: Final = -39001
LIMIT_EXCEEDED: Final = -32005
PRUNED_HISTORY: Final = 4444
"""EIP-4444, as execution-apis has it."""

# Phrases of nodes and providers, in this order and before any code: they use the codes for anything.
_BATCH_LIMIT: Final = re.compile(r"batch.*(limit|large|exceed|maximum|too many)|(maximum|limit|max).*batch")
_THROTTLED: Final = re.compile(
    r"rate.?limit|too many requests|request (rate|limit)|limit (exceeded|reached)|capacity|throttl|quota"
)
_PRUNED: Final = re.compile(r"\bpruned\b|history.*(unavailable|not available|expired)")
_NO_SUCH_BLOCK: Final = re.compile(
    r"\b(block|header)\b.*(not found|not available|unavailable|not yet available)"
    r"|\b(unknown|no such|could not find|cannot find) (block|header)\b(?! tag)|resource not found"
)
_PASSING: Final = re.compile(
    r"temporar|try again|\bretry\b|timed? ?out|\bbusy\b|overload|unavailable|not ready|upstream"
)
_UNSUPPORTED: Final = re.compile(
    r"\bmethod\b.*(not|disabled|unknown|unsupported)|(unknown|unsupported|invalid|no such) method"
    r"|not (supported|whitelisted|implemented)|unsupported|does not exist|\btag\b|hex number"
)


class NodeFailure(Transient):
    """A bad answer, or none: another endpoint or another moment may do better.

    `outcome` is the metric's label, `retry_after` the seconds that the node asked to be left alone,
    `everywhere` whether all endpoints failed alike when they were asked last.
    """

    def __init__(self, endpoint: str, what: str, outcome: str, *, retry_after: float = 0.0) -> None:
        super().__init__(f"{endpoint}: {what}")
        self.endpoint = endpoint
        self.what = what
        self.outcome = outcome
        self.retry_after = retry_after
        self.everywhere = False

    @property
    def evidence(self) -> tuple[str, ...] | None:
        """What another endpoint's failure must have too to be alike; None where that says nothing."""
        return None

    @property
    def contradiction(self) -> str:
        """What this proves against the endpoint where another's answer holds, in a word; "" for nothing."""
        return ""


class NoSuchBlock(NodeFailure):
    """The node says that it does not have the block; a chain without finality says so of its tags."""


class Pruned(NodeFailure):
    """The node had the block and has let go of it: it keeps no history so old."""

    @property
    def evidence(self) -> tuple[str, ...] | None:
        return ("pruned",)


class NoBatches(NodeFailure):
    """The node answered a batch with one answer: it may still take the calls one after the other."""


class BatchTooLarge(NodeFailure):
    """The node takes smaller batches than this one."""


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
    """An answer. Gateways also send an error as a text, or its object in place of the answer."""

    result: msgspec.Raw = msgspec.Raw()
    error: _Error | str | None = None
    id: int | float | str | None = None
    code: int | str | None = None
    message: str | None = None

    def failed(self) -> _Error | None:
        if isinstance(self.error, str):
            return _Error(message=self.error)
        if self.error is None and not self.result and self.message is not None:
            return _Error(self.code, self.message)
        return self.error


_ONE: Final = msgspec.json.Decoder(_Envelope)
_MANY: Final = msgspec.json.Decoder(list[_Envelope])


def result_of(endpoint: str, method: str, answer: HttpAnswer, secrets: Collection[str] = ()) -> memoryview:
    """The raw JSON of a call's result. Raises NodeFailure or Unsupported.

    Nodes quote their address in what they say of an error: its `secrets` are left out.
    """
    _check_status(endpoint, method, answer, secrets)
    try:
        return _result(endpoint, method, _ONE.decode(answer.body), secrets)
    except UNREADABLE as error:
        raise _broken(endpoint, method, answer.body, error) from error


def results_of(
    endpoint: str, method: str, answer: HttpAnswer, count: int, secrets: Collection[str] = ()
) -> list[memoryview]:
    """The raw JSON of a batch's results; calls have the ids 0 to count - 1. Raises as `result_of`."""
    _check_status(endpoint, method, answer, secrets)
    try:
        if answer.body.lstrip()[:1] == b"{":
            raise _no_batches(endpoint, method, count, _ONE.decode(answer.body), secrets)
        by_id = {_id(each.id): each for each in _MANY.decode(answer.body)}
    except UNREADABLE as error:
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
    error = envelope.failed()
    if error is not None:
        raise _failure(endpoint, method, error, secrets)
    raw = memoryview(envelope.result)
    if not raw:
        raise NodeFailure(endpoint, f"{method}: an answer without result and error", "broken")
    return raw


def _id(value: float | str | None) -> str:
    """An id as text; some gateways answer 0 with 0.0."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _no_batches(
    endpoint: str, method: str, count: int, answer: _Envelope, secrets: Collection[str]
) -> NodeFailure | Unsupported:
    error = answer.failed()
    if error is not None:
        failure = _failure(endpoint, method, error, secrets)
        # An invalid request is what a node says that expects one call; all else is about the calls.
        if isinstance(failure, BatchTooLarge) or error.code not in (INVALID_REQUEST, PARSE_ERROR):
            return failure
    return NoBatches(endpoint, f"{method}: one answer to a batch of {count}", "broken")


def _failure(
    endpoint: str, method: str, error: _Error, secrets: Collection[str]
) -> NodeFailure | Unsupported:
    message = (error.message or "").lower()
    shown = redact(error.message or "without a message", secrets)[:_SHOWN]
    what = f"{method}: error {redact(str(error.code)[:_SHOWN], secrets)}: {shown}"
    if _BATCH_LIMIT.search(message):
        return BatchTooLarge(endpoint, what, "throttled")
    if error.code in (LIMIT_EXCEEDED, 429) or _THROTTLED.search(message):
        return NodeFailure(endpoint, what, "throttled")
    if error.code == PRUNED_HISTORY or _PRUNED.search(message):
        return Pruned(endpoint, what, "pruned")
    if _NO_SUCH_BLOCK.search(message):
        return NoSuchBlock(endpoint, what, "error")
    if _PASSING.search(message):
        return NodeFailure(endpoint, what, "error")
    if error.code in (METHOD_NOT_FOUND, INVALID_PARAMS) or _UNSUPPORTED.search(message):
        return Unsupported(endpoint, what)
    if error.code == UNKNOWN_BLOCK:
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
            error = _ONE.decode(answer.body).failed()
        except UNREADABLE:
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
