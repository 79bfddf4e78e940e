"""An endpoint's answer put to the checks: what fails one is that endpoint's bad answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from connectors.evm.blocks.checks import SHAPE, Verifier
from connectors.evm.blocks.decode import Block, ShapeError, decode_block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.pool.rejected import Rejected
from connectors.evm.rpc.endpoint import Endpoint
from headwater.metrics import listener as metrics
from headwater.redaction import brief

T = TypeVar("T")


class Checking:
    """Checks of a chain's answers, counted where they fail."""

    def __init__(self, chain: str, verifier: Verifier) -> None:
        self.verifier = verifier
        self._chain = chain

    def header(self, endpoint: Endpoint, raw: memoryview) -> Block:
        """A block whose header is genuine. Raises Rejected."""

        def decoded() -> Block:
            block = decode_block(raw)
            self.verifier.check_header(block)
            return block

        return self.passed(endpoint, decoded)

    def passed(self, endpoint: Endpoint, check: Callable[[], T]) -> T:
        """What a check of an endpoint's answer gives. Raises Rejected."""
        try:
            return check()
        except (ValueError, RecursionError) as error:
            # Whatever stumbles over what others wrote: it is that answer which is bad.
            raise self._rejected(endpoint, error) from error

    def _rejected(self, endpoint: Endpoint, error: ValueError | RecursionError) -> Rejected:
        check = error.check if isinstance(error, CheckError) else SHAPE
        metrics.REJECTED_BLOCKS.labels(self._chain, check).inc()
        if isinstance(error, CheckError):
            return Rejected(endpoint.name, check, str(error), error.found, error.remedy)
        known = isinstance(error, ShapeError)
        return Rejected(endpoint.name, check, str(error) if known else f"no block: {brief(error)}")
