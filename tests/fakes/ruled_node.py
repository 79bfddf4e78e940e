"""A node whose answers follow a rule, and a listener on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from connectors.evm.pool.asking.deadline import SECONDS
from headwater.settings import ChainSettings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.faults import Transport
from tests.fakes.listening import CHAIN_ID, MemoryStore, Rig, make_rig

Call = dict[str, Any]
Rule = Callable[[Call], Any]
"""A call → what the node says instead: a result, an Error, or None for the usual answer."""


class Error(dict[str, object]):
    """The error object of an answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code=code, message=message)


class RuledNode(RecordedNode):
    """A node whose answers follow a rule; `batches` is the most calls that it takes at once."""

    def __init__(self, chain: AdjustableChain, rule: Rule, *, batches: int | None = None) -> None:
        super().__init__(chain, safe_lag=2, finalized_lag=4)
        self._rule = rule
        self._batches = batches

    def respond(self, request: bytes) -> tuple[bytes, Transport | None]:
        asked = orjson.loads(request)
        if isinstance(asked, list):
            if self._batches is not None and len(asked) > self._batches:
                rejection = Error(-32000, f"batch limit {self._batches} exceeded")
                return orjson.dumps({"jsonrpc": "2.0", "id": None, "error": rejection}), None
            return super().respond(request)
        result = self._rule(asked)
        if result is None:
            return super().respond(request)
        name = "error" if isinstance(result, Error) else "result"
        answer = orjson.dumps({"jsonrpc": "2.0", "id": asked["id"], name: None if result is NULL else result})
        return answer, None


NULL = object()
BROKEN = Error(-32603, "Internal error")


def number_of(call: Call) -> int | None:
    reference = call["params"][0] if call["params"] else None
    short = isinstance(reference, str) and reference.startswith("0x") and len(reference) < 20
    return int(str(reference), 16) if short else None


async def rig_on(
    rule: Rule, *, start: str = "100", batches: int | None = None, seconds: float = SECONDS
) -> tuple[AdjustableChain, MemoryStore, Rig]:
    chain = AdjustableChain.synthetic(6, first=100)
    store = MemoryStore()
    settings = ChainSettings(chain_id=CHAIN_ID, start=start, prefetch_blocks=2)
    rig = make_rig(store, [RuledNode(chain, rule, batches=batches)], chain=settings, seconds=seconds)
    await rig.log.open()
    return chain, store, rig
