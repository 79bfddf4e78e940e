"""From what `headwater verify` found to one request per block. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from audit.repair.plan import Ask
from audit.verify.compare import ORPHANED, Difference
from connectors.evm.repair.request import BlockName

_SHOWN: Final = 5


def asks_for(differences: Sequence[Difference], chain_id: int) -> list[Ask]:
    """A request for each block that differs. Its content comes from a node again, whatever made it differ.

    But for blocks that the node's chain lacks: a node need not have an orphan, raw-blocks has what was
    published of it.
    """
    found: dict[tuple[int, str], list[Difference]] = defaultdict(list)
    for each in differences:
        found[each.number, each.block_hash].append(each)
    return [
        Ask(
            BlockName(chain_id, number, bytes.fromhex(block_hash[2:])),
            refetch=all(each.kind not in ORPHANED for each in group),
            reason="verify: " + "; ".join(f"{each.kind}: {each.detail}" for each in group[:_SHOWN]),
        )
        for (number, block_hash), group in sorted(found.items())
    ]
