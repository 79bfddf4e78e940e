"""JSON-RPC requests and batches to response bytes, with scripted faults on the way."""

from collections.abc import Sequence
from typing import Protocol

import orjson

from sandbox.node.errors import INVALID_REQUEST, PARSE_ERROR, RpcError
from sandbox.node.faults import Fault, Faults, Transport, spoil
from sandbox.node.methods import Methods


class Plan(Protocol):
    """Faults that are drawn rather than scripted."""

    def take(
        self, methods: Methods, method: str, params: Sequence[object], place: int | None = None
    ) -> Fault | None:
        """The fault that a call suffers, if any; `place` is its place in a batch, None outside of one."""

    def holds_open(self) -> bool:
        """Whether a WebSocket gets no answer now, nor anything else."""

    def tells_nothing(self) -> bool:
        """Whether subscribers are not told of a head now."""


class Responder:
    """Answers requests by `methods`; `calls` counts calls by method, faulty ones included."""

    def __init__(self, methods: Methods, faults: Faults, plan: Plan | None = None) -> None:
        self._plan = plan
        self._methods = methods
        self._faults = faults
        self.calls: dict[str, int] = {}

    def respond(self, request: bytes) -> tuple[bytes, Transport | None]:
        """Return the response body of a request or batch, and the transport fault that is to spoil it."""
        try:
            asked = orjson.loads(request)
        except orjson.JSONDecodeError:
            return error_answer(None, RpcError(PARSE_ERROR, "parse error")), None
        if not isinstance(asked, list):
            return self._one(asked)
        if not asked:
            return error_answer(None, RpcError(INVALID_REQUEST, "empty batch")), None
        answered = [self._one(call, place) for place, call in enumerate(asked)]
        fault = next((fault for _, fault in answered if fault is not None), None)
        return b"[" + b",".join(body for body, _ in answered) + b"]", fault

    def _one(self, call: object, place: int | None = None) -> tuple[bytes, Transport | None]:
        if not isinstance(call, dict) or not isinstance(call.get("method"), str) or not call["method"]:
            identity = call.get("id") if isinstance(call, dict) else None
            return error_answer(identity, RpcError(INVALID_REQUEST, "invalid request")), None
        method: str = call["method"]
        self.calls[method] = self.calls.get(method, 0) + 1
        params = call.get("params", [])
        fault = self._faults.take(method) if len(self._faults) else None
        if fault is None and self._plan is not None and isinstance(params, list):
            fault = self._plan.take(self._methods, method, params, place)
        damage = fault if isinstance(fault, Transport) else None
        try:
            result = spoil(fault, lambda: self._methods.call(method, params))
        except RpcError as error:
            return error_answer(call.get("id"), error), damage
        head = b'{"jsonrpc":"2.0","id":' + orjson.dumps(call.get("id")) + b',"result":'
        return b"".join((head, result, b"}")), damage


def error_answer(identity: object, error: RpcError) -> bytes:
    """Return the response that carries an error."""
    detail = {"code": error.code, "message": error.message}
    return orjson.dumps({"jsonrpc": "2.0", "id": identity, "error": detail})
