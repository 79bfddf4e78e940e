"""Which chain a node is on: its id and the hash of its first block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.evm.rpc import chain_id, once
from headwater.errors import Fatal, HeadwaterError, Transient
from headwater.settings import mask_url

SECONDS = 10.0


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
            found[url] = chain_id.ask(url, seconds=SECONDS)
        except HeadwaterError as error:
            troubles.append(str(error))
    if len(set(found.values())) > 1:
        each = ", ".join(f"{mask_url(url)} is on {each_id}" for url, each_id in found.items())
        raise Fatal(f"the nodes are on different chains: {each}", remedy="name nodes of one chain")
    if not found:
        raise Transient(f"no node answers ({'; '.join(troubles)})", remedy="check --rpc and the node")
    url, found_id = next(iter(found.items()))
    try:
        block = once.ask(url, "eth_getBlockByNumber", "0x0", False, seconds=SECONDS)
    except HeadwaterError:
        block = None  # pruned, or a recording: the chain's id has to do
    return NodeFacts(found_id, str(block.get("hash") or "") if isinstance(block, dict) else "")
