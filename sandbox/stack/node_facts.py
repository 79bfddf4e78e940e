"""Which chain a node is on: its id and the hash of its first block."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.errors import Fatal, Transient
from headwater.settings import mask_url

SECONDS = 10.0
# No connection, no whole answer, no JSON.
_TROUBLES = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """`genesis`: hash of block 0, "" when the node does not have it (pruned, or a recording)."""

    chain_id: int
    genesis: str


def ask(urls: Sequence[str]) -> NodeFacts:
    """Facts from the first node that answers.

    Raises Fatal when two nodes are on different chains, Transient naming each node's trouble when none
    answers.
    """
    found: dict[str, int] = {}
    troubles = []
    for url in urls:
        try:
            found[url] = int(str(_call(url, "eth_chainId")), 16)
        except _TROUBLES as error:
            troubles.append(f"{mask_url(url)}: {_reason(error, url)}")
    if len(set(found.values())) > 1:
        said = ", ".join(f"{mask_url(url)} is on {chain_id}" for url, chain_id in found.items())
        raise Fatal(f"the nodes are on different chains: {said}", remedy="name nodes of one chain")
    if not found:
        raise Transient(f"no node answers ({'; '.join(troubles)})", remedy="check --rpc and the node")
    url, chain_id = next(iter(found.items()))
    try:
        block = _call(url, "eth_getBlockByNumber", "0x0", False)
    except _TROUBLES:
        block = None
    return NodeFacts(chain_id, str(block.get("hash") or "") if isinstance(block, dict) else "")


def _call(url: str, method: str, *params: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/json", "User-Agent": "headwater"}
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        decoded = json.loads(answer.read())
    if not isinstance(decoded, dict) or decoded.get("result") is None:
        said = decoded.get("error") if isinstance(decoded, dict) else decoded
        raise ValueError(f"{method} answered {str(said)[:120]}")
    result: object = decoded["result"]
    return result


def _reason(error: Exception, url: str) -> str:
    # An error may repeat the address, and keys sit in addresses.
    return str(error).replace(url, mask_url(url))[:200] or type(error).__name__
