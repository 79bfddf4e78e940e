"""Which chain a node says it is on: `eth_chainId` (EIP-695), named and read in this one place.

`chain_id` asks an endpoint, `ask` does from code without an event loop. Whoever has a connection of its own
(a WebSocket, anvil's batches, the recorder's bytes) sends METHOD over it and gives the answer to `read`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, NoSuchBlock, Pruned, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.digits import quantity
from headwater.evm.answers.errors import UNREADABLE
from headwater.redaction import brief, mask_url, redact, secrets_of

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
    return read(endpoint.name, answer)


def ask(url: str, *, seconds: float) -> int:
    """The chain id of the node at `url`, which may take `seconds`. Raises NodeFailure. Blocks."""
    try:
        answer = once.ask(url, METHOD, seconds=seconds)
    except Unsupported as error:
        raise NodeFailure(mask_url(url), error.what, "wrong chain") from error
    return read(mask_url(url), answer, secrets_of(url))


def read(endpoint: str, answer: object, secrets: Collection[str] = ()) -> int:
    """The chain id that the decoded `answer` of an endpoint is. Pure. Raises NodeFailure where it is not one.

    Nodes quote their address in what they answer: its `secrets` are left out.
    """
    number = quantity(answer, _BITS)
    if number is not None:
        return number
    shown = brief(redact(str(answer), secrets), 40)
    raise NodeFailure(endpoint, f"{METHOD}: {shown!r} is not a chain id", "broken")
