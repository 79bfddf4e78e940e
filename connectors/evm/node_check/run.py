"""Checks several endpoints at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.evm.node_check.advice import compare
from connectors.evm.node_check.findings import Findings
from connectors.evm.node_check.probe import VerifierOf, probe
from connectors.evm.rpc.endpoint import AiohttpTransport, Endpoint, Transport
from headwater.redaction import mask_url


async def check(urls: Sequence[str], verifier_of: VerifierOf, *, seconds: float) -> list[Findings]:
    """The findings of each URL, in order; a call may take `seconds`."""
    transport = AiohttpTransport(seconds)
    try:
        found = await asyncio.gather(*(probe(each, verifier_of) for each in endpoints(urls, transport)))
    finally:
        await transport.close()
    compare(found)
    return list(found)


def endpoints(urls: Sequence[str], transport: Transport) -> list[Endpoint]:
    """The endpoints of these URLs; those whose masked names are alike are numbered."""
    result: list[Endpoint] = []
    for url in urls:
        name = mask_url(url)
        same = sum(each.name.split("#")[0] == name for each in result)
        result.append(Endpoint("check", f"{name}#{same + 1}" if same else name, url, transport))
    return result
