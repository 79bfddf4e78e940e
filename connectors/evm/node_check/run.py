"""Checks several endpoints at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.evm.node_check.advice import compare
from connectors.evm.node_check.findings import Findings
from connectors.evm.node_check.probe import VerifierOf, probe
from connectors.evm.rpc.endpoint import AiohttpTransport, endpoints_of
from headwater.at_once import all_of

CHAIN: Final = "check"
"""In the metrics of calls, which nobody collects of a command."""


async def check(urls: Sequence[str], verifier_of: VerifierOf, *, seconds: float) -> list[Findings]:
    """The findings of each URL, in order; a call may take `seconds`."""
    transport = AiohttpTransport(seconds)
    try:
        found = await all_of(*(probe(each, verifier_of) for each in endpoints_of(CHAIN, urls, transport)))
    finally:
        await transport.close()
    compare(found)
    return list(found)
