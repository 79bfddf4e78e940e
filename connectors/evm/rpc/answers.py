"""What an HTTP answer of a node means: the raw JSON of results, or which kind of failure it is.

Pure. Results are cut out of the answer as the bytes that the node sent: nothing of them is lost, and
nothing is parsed twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from connectors.evm.rpc.phrases import Meaning, meaning_of
from headwater.errors import Permanent, Transient
from headwater.evm.answers.errors import UNREADABLE
from headwater.redaction import brief, redact

MAX_RETRY_AFTER: Final = 120.0
UNPAID_SECONDS: Final = 60.0
"""How long an endpoint is left alone that wants to be paid."""
_SHOWN: Final = 160


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
    """The node says in words what others say by null: it does not have the block, or has none by that tag.

    `invalid`: that it cannot be asked for. Of a tag it means that the node does not know that tag.
    """

    def __init__(self, endpoint: str, what: str, *, invalid: bool = False) -> None:
        super().__init__(endpoint, what, "null")
        self.invalid = invalid


class Pruned(NodeFailure):
    """The node had the block and has pruned it: it keeps no history so old."""

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


@dataclass(frozen=True, slots=True)
class _Error:
    """`message` is what it says first, `more` what it says beside that."""

    code: object
    message: str
    more: str = ""

    @property
    def text(self) -> str:
        return self.message if not self.more else f"{self.message} ({self.more})"


class _Envelope(msgspec.Struct):
    """An answer. Gateways also send an error as a text, in a list, or its object in place of the answer."""

    result: msgspec.Raw = msgspec.Raw()
    error: object = None
    id: object = None
    code: object = None
    message: object = None

    def failed(self) -> _Error | None:
        if self.error or (self.error is not None and not self.result):
            return _error(self.error)
        if not self.result and self.message is not None:
            return _Error(self.code, _text(self.message))
        return None


def _error(reported: object) -> _Error:
    if isinstance(reported, list) and reported:
        reported = reported[0]
    if not isinstance(reported, dict):
        return _Error(None, _text(reported))
    message, data = reported.get("message"), reported.get("data")
    if not message:
        return _Error(
            reported.get("code"), _text({name: each for name, each in reported.items() if name != "code"})
        )
    return _Error(reported.get("code"), _text(message), _text(data) if data else "")


def _text(part: object) -> str:
    """What an error says, of whatever type; texts within an object, where those are."""
    if isinstance(part, dict):
        return ", ".join(each for each in part.values() if isinstance(each, str))
    return part if isinstance(part, str) else "" if part is None else brief(part)


_OF_ANY_CALL: Final = frozenset({Meaning.BATCH_LIMIT, Meaning.THROTTLED, Meaning.PAYMENT, Meaning.PASSING})
_ONE: Final = msgspec.json.Decoder(_Envelope)
_MANY: Final = msgspec.json.Decoder(list[_Envelope])


def result_of(
    endpoint: str, method: str, answer: HttpAnswer, secrets: Collection[str] = (), *, id: int = 0
) -> memoryview:
    """The raw JSON of the result of the call with this `id`. Raises NodeFailure or Unsupported.

    Nodes quote their address in what they say of an error: its `secrets` are left out.
    """
    _check_status(endpoint, method, answer, secrets)
    try:
        envelope = _ONE.decode(answer.body)
        # Gateways give errors of their own any id; some leave it out.
        if envelope.id is not None and envelope.failed() is None and id_text(envelope.id) != str(id):
            other = redact(str(envelope.id), secrets)[:_SHOWN]
            raise NodeFailure(
                endpoint, f"{method}: the answer to another call, {other} and not {id}", "broken"
            )
        return _result(endpoint, method, envelope, secrets)
    except UNREADABLE as error:
        raise _broken(endpoint, method, answer.body, error) from error


def results_of(
    endpoint: str, method: str, answer: HttpAnswer, count: int, secrets: Collection[str] = ()
) -> list[memoryview]:
    """The raw JSON of a batch's results; calls have the ids 1 to count.

    Raises as `result_of`, BatchTooLarge where a smaller batch may do, and NoBatches.
    """
    if answer.status == 413:
        raise BatchTooLarge(endpoint, f"{method}: HTTP 413 for a batch of {count}", "throttled")
    _check_status(endpoint, method, answer, secrets, count)
    try:
        if answer.body.lstrip()[:1] == b"{":
            raise _of_batch(endpoint, method, count, _ONE.decode(answer.body).failed(), secrets)
        answers = _MANY.decode(answer.body)
        by_id = {id_text(each.id): each for each in answers}
        # What refuses a whole batch has nobody's id, or that of the first call (geth).
        rejection = next((error for each in answers if (error := each.failed()) is not None), None)
    except UNREADABLE as error:
        raise _broken(endpoint, method, answer.body, error) from error
    ids = [str(number) for number in range(1, count + 1)]
    missing = sum(each not in by_id for each in ids)
    if not missing:
        return [_result(endpoint, method, by_id[each], secrets) for each in ids]
    if rejection is not None:
        raise _of_batch(endpoint, method, count, rejection, secrets)
    # Some leave out the answers beyond their limit.
    raise BatchTooLarge(endpoint, f"{method}: {missing} of {count} answers are missing", "broken")


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


def id_text(value: object) -> str:
    """An id as text; some gateways answer 0 with 0.0."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _of_batch(
    endpoint: str, method: str, count: int, error: _Error | None, secrets: Collection[str]
) -> NodeFailure | Unsupported:
    """What one answer to a batch of `count` calls means: that batch, or batches, are refused."""
    if error is not None and meaning_of(error.code, error.message, error.more) in _OF_ANY_CALL:
        return _failure(endpoint, method, error, secrets)
    detail = "" if error is None else f": error {redact(error.text, secrets)[:_SHOWN]}"
    # Whether the call is refused, or batches of it, shows when the calls are made one after the other.
    return NoBatches(endpoint, f"{method}: one answer to a batch of {count}{detail}", "broken")


def _failure(
    endpoint: str, method: str, error: _Error, secrets: Collection[str], wait: float = 0.0
) -> NodeFailure | Unsupported:
    shown = redact(error.text or "without a message", secrets)[:_SHOWN]
    what = f"{method}: error {redact(str(error.code)[:_SHOWN], secrets)}: {shown}"
    match meaning_of(error.code, error.message, error.more):
        case Meaning.BATCH_LIMIT:
            return BatchTooLarge(endpoint, what, "throttled", retry_after=wait)
        case Meaning.NO_BATCHES:
            return NoBatches(endpoint, what, "error")
        case Meaning.THROTTLED:
            return NodeFailure(endpoint, what, "throttled", retry_after=wait)
        case Meaning.PAYMENT:
            return _unpaid(endpoint, what, wait)
        case Meaning.PRUNED:
            return Pruned(endpoint, what, "pruned")
        case Meaning.NO_SUCH_BLOCK:
            return NoSuchBlock(endpoint, what)
        case Meaning.INVALID_BLOCK:
            return NoSuchBlock(endpoint, what, invalid=True)
        case Meaning.UNSUPPORTED:
            return Unsupported(endpoint, what)
        case _:
            return NodeFailure(endpoint, what, "error", retry_after=wait)


def _unpaid(endpoint: str, what: str, wait: float) -> NodeFailure:
    what = f"{what} (its provider wants to be paid: do, or take it out of HEADWATER_CHAIN__RPC)"
    return NodeFailure(endpoint, what, "throttled", retry_after=max(wait, UNPAID_SECONDS))


def _check_status(
    endpoint: str, method: str, answer: HttpAnswer, secrets: Collection[str], count: int = 1
) -> None:
    """Raises for a status of 400 and above, by what the body says where that is a JSON-RPC error."""
    status = answer.status
    if status < 400:
        return
    wait = retry_after_seconds(answer.retry_after)
    error = _error_in(answer.body)
    if error is not None:
        # What it says is worth more than the number; a gateway's 5xx passes, whatever it makes of the method.
        failure = (
            _failure(endpoint, method, error, secrets, wait)
            if count == 1
            else _of_batch(endpoint, method, count, error, secrets)
        )
        if status == 402 and not isinstance(failure, BatchTooLarge | NoBatches | Unsupported):
            raise _unpaid(endpoint, f"HTTP 402: {failure.what}", wait)
        if status < 429 or isinstance(failure, BatchTooLarge | NoBatches | Pruned | NoSuchBlock):
            raise failure
        if isinstance(failure, NodeFailure) and failure.outcome == "throttled":
            raise failure
    if status == 402:
        raise _unpaid(endpoint, f"{method}: HTTP 402, payment required", wait)
    if status == 429:
        raise NodeFailure(endpoint, f"{method}: HTTP 429, too many requests", "throttled", retry_after=wait)
    hint = " (is the key in its address right?)" if status in (401, 403, 404) else ""
    raise NodeFailure(endpoint, f"{method}: HTTP {status}{hint}", "http", retry_after=wait)


def _error_in(body: bytes) -> _Error | None:
    """The JSON-RPC error in the body of an HTTP error, if it is one."""
    start = body.lstrip()[:1]
    try:
        if start == b"{":
            return _ONE.decode(body).failed()
        if start == b"[":
            return next((error for each in _MANY.decode(body) if (error := each.failed()) is not None), None)
    except UNREADABLE:
        pass  # A page, or whatever a gateway makes: the status says what there is to say.
    return None


def retry_after_seconds(header: str | None, now: float | None = None) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3), at most two minutes; nonsense counts as one second.

    `now` is the Unix time, by which a date in it is read; one that is past counts as one second too.
    """
    if header is None:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        return _until(header, time.time() if now is None else now)
    # "nan" is a float, and no bound holds it.
    return 1.0 if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _until(date: str, now: float) -> float:
    try:
        at = parsedate_to_datetime(date)
        seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return 1.0
    return min(max(seconds, 1.0), MAX_RETRY_AFTER)


def _broken(endpoint: str, method: str, body: bytes, error: Exception) -> NodeFailure:
    start = body.lstrip()[:1]
    if start == b"<":
        return NodeFailure(endpoint, f"{method}: HTML where JSON was due", "html")
    if not start:
        return NodeFailure(endpoint, f"{method}: an empty answer", "broken")
    return NodeFailure(endpoint, f"{method}: broken JSON in {len(body)} bytes: {error}", "broken")
