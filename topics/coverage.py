"""Which streams coverage counts: the only list of them.

A block's coverage record says how many messages of each the block has; the sink shows the block once all of
them are stored, the views show or hide rows of these streams by coverage, and `headwater verify` compares the
counts of node, coverage and tables. A block has one message of `blocks`, so that stream has no count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COVERAGE: Final = "coverage"
BLOCKS: Final = "blocks"


@dataclass(frozen=True, slots=True)
class Counted:
    """A stream with any number of messages per block.

    `told_by_node`: a node's answer to a block and its logs tells the number; contract creations are found in
    receipts only.
    """

    stream: str
    told_by_node: bool = True

    @property
    def table(self) -> str:
        """Name of its table and of its view."""
        return self.stream.replace("-", "_")

    @property
    def field(self) -> str:
        """The field of the coverage record, and the column, that counts it."""
        return f"{self.table.removesuffix('s')}_count"


COUNTED: Final = (
    Counted("transactions"),
    Counted("logs"),
    Counted("token-transfers"),
    Counted("contracts", told_by_node=False),
)
STREAMS: Final = (BLOCKS, *(each.stream for each in COUNTED))
"""The streams whose rows views show or hide by coverage."""
