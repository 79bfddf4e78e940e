"""A block's traces, asked for in the way that a chain's setting names."""

from __future__ import annotations

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.receipts import present
from connectors.evm.blocks.traces import check_calls, check_flat
from connectors.evm.rpc.endpoint import Endpoint


class Traces:
    """`way` is the tracing call to make, `callTracer` or `trace_block`, or `off`."""

    def __init__(self, way: str, checking: Checking) -> None:
        self._way = way
        self._checking = checking

    async def of(self, endpoint: Endpoint, block: Block) -> bytes | None:
        """A block's traces as they came, checked; None where off. Raises NodeFailure, Unsupported."""
        if self._way == "off":
            return None
        reference = "0x" + block.head.hash.hex()
        if self._way == "callTracer":
            raw = await endpoint.call("debug_traceBlockByHash", reference, {"tracer": "callTracer"})
        else:
            raw = await endpoint.call("trace_block", hex(block.head.number))
        found = bytes(present(endpoint, raw, f"traces of block {block.head.number}"))
        check = check_calls if self._way == "callTracer" else check_flat
        every = self._checking.verifier.traces
        state_sync = "state_sync" in self._checking.verifier.exempt
        self._checking.passed(endpoint, lambda: check(found, block, every=every, state_sync=state_sync))
        return found
