"""Which chain a node says it is on: `eth_chainId` (EIP-695), asked and read in this one place."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.settings import mask_url

METHOD: Final = "eth_chainId"
# A quantity of the JSON-RPC specification; a chain id has 64 bits wherever it is stored.
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")


async def chain_id(endpoint: Endpoint) -> int:
    """The endpoint's chain id. Raises NodeFailure, also where the answer is not one."""
    try:
        answer = msgspec.json.decode(await endpoint.call(METHOD))
    except Unsupported as error:
        raise NodeFailure(endpoint.name, error.what, "wrong chain") from error
    except msgspec.DecodeError as error:
        raise NodeFailure(endpoint.name, f"{METHOD}: {error}", "broken") from error
    return _number(endpoint.name, answer)


def ask(url: str, *, seconds: float) -> int:
    """The chain id of the node at `url`, which may take `seconds`. Raises NodeFailure. Blocks."""
    try:
        answer = once.ask(url, METHOD, seconds=seconds)
    except Unsupported as error:
        raise NodeFailure(mask_url(url), error.what, "wrong chain") from error
    return _number(mask_url(url), answer)


def _number(endpoint: str, answer: object) -> int:
    if isinstance(answer, str) and _QUANTITY.match(answer):
        return int(answer, 16)
    raise NodeFailure(endpoint, f"{METHOD}: {str(answer)[:40]!r} is not a chain id", "broken")
