"""The pool of a chain's settings."""

from __future__ import annotations

from typing import Final

from connectors.evm.pool.nodes import Nodes
from connectors.evm.rpc.endpoint import AiohttpTransport, Transport, endpoints_of
from headwater.errors import Fatal
from headwater.settings import Settings

CALLS: Final = 15
"""Calls that take as long as they may, within the time of a question that is not set."""
SHORTEST_SECONDS: Final = 60.0


def connect(settings: Settings) -> tuple[Nodes, Transport]:
    """The chain's nodes and the transport to close in the end. Call inside a running loop.

    Raises Fatal when no endpoint is set.
    """
    chain = settings.chain
    if not chain.rpc:
        raise Fatal("no node to listen to", remedy="give --rpc URL or set HEADWATER_CHAIN__RPC")
    if chain.quorum > len(chain.rpc):
        raise Fatal(
            f"{chain.quorum} endpoints must agree, and there are {len(chain.rpc)}",
            remedy="name more of them in HEADWATER_CHAIN__RPC, or lower HEADWATER_CHAIN__QUORUM",
        )
    transport = AiohttpTransport(chain.request_timeout_seconds, limit=chain.answer_bytes)
    urls = (secret.get_secret_value() for secret in chain.rpc)
    seconds = chain.overall_timeout_seconds or max(SHORTEST_SECONDS, CALLS * chain.request_timeout_seconds)
    return Nodes(endpoints_of(chain.name, urls, transport), chain.chain_id, seconds=seconds), transport
