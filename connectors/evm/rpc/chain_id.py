"""Which chain a node says it is on: `eth_chainId` (EIP-695), asked and read in this one place."""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, NoSuchBlock, Pruned, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.digits import quantity
from headwater.evm.answers.errors import UNREADABLE
from headwater.redaction import brief, mask_url

METHOD: Final = "eth_chainId"
# Of EIP-155, in 63 bits: it is an Avro long wherever it is stored.
_BITS: Final = 63


async def chain_id(endpoint: Endpoint) -> int:
    """The endpoint's chain id. Raises NodeFailure, also where the answer is not one."""
    try:
        answer = msgspec.json.decode(await endpoint.call(METHOD))
    except Unsupported as error:
        raise NodeFailure(endpoint.name, error.what, "wrong chain") from error
    except (NoSuchBlock, Pruned) as error:
        # Of blocks it was not asked: whatever this is, it says nothing of any.
        raise NodeFailure(endpoint.name, error.what, "error") from error
    except UNREADABLE as error:
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
    number = quantity(answer, _BITS)
    if number is not None:
        return number
    raise NodeFailure(endpoint, f"{METHOD}: {brief(answer, 40)!r} is not a chain id", "broken")
