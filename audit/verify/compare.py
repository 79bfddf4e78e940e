"""Whether node, coverage and tables agree on blocks. Pure: no I/O, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from topics.coverage import COUNTED

Counts = Mapping[str, int]
"""Table of a counted stream → rows of a block."""

ORPHANED: Final = frozenset({"not-canonical", "orphan-rows", "orphan-states"})
"""Kinds of differences about a block that the node's chain lacks."""


@dataclass(frozen=True, slots=True)
class NodeBlock:
    """A block of the node's canonical chain; counts of what a node tells."""

    block_hash: bytes
    parent_hash: bytes
    counts: Counts


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A row of coverage that is not removed; counts of all COUNTED."""

    block_hash: bytes
    parent_hash: bytes
    counts: Counts
    complete: bool
    problem: str | None


@dataclass(slots=True)
class TableBlock:
    """What the canonical views show of one block.

    `rows` counts `blocks` and all COUNTED; `states` the transactions whose state is INCLUDED in this block,
    or further on; `wrong_states` those of them whose execution status contradicts the receipt.
    """

    rows: dict[str, int] = field(default_factory=dict)
    states: int = 0
    wrong_states: int = 0


@dataclass(frozen=True, slots=True)
class Height:
    """Everything known of one block number. `node` None: the node has no such block."""

    number: int
    node: NodeBlock | None
    coverage: Sequence[CoverageRow]
    tables: Mapping[bytes, TableBlock]


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement. `kind` is a word for programs, `detail` a sentence for people."""

    number: int
    block_hash: str
    kind: str
    detail: str


def compare(height: Height, parent: bytes | None) -> list[Difference]:
    """Differences at one height; `parent` is coverage's hash of the block before, None when not known."""
    found: list[Difference] = []

    def differ(block_hash: bytes, kind: str, detail: str) -> None:
        found.append(Difference(height.number, "0x" + block_hash.hex(), kind, detail))

    node = height.node
    expected = node.block_hash if node else None
    for other in height.coverage:
        if other.block_hash != expected:
            differ(other.block_hash, "not-canonical", "coverage has it, the node's chain does not")
    for block_hash, shown in height.tables.items():
        if block_hash != expected and shown.rows:
            differ(block_hash, "orphan-rows", "canonical views show rows of it, the node's chain lacks it")
        elif block_hash != expected:
            detail = f"{shown.states} transactions are INCLUDED in it, the node's chain lacks it"
            differ(block_hash, "orphan-states", detail)
    if node is None:
        return found
    row = next((row for row in height.coverage if row.block_hash == node.block_hash), None)
    if row is None:
        differ(node.block_hash, "missing", "the node has it, coverage does not")
        return found
    if not row.complete:
        differ(node.block_hash, "incomplete", row.problem or "coverage says it is not whole")
        return found
    if row.parent_hash != node.parent_hash or (parent is not None and row.parent_hash != parent):
        differ(node.block_hash, "broken-chain", f"its parent is 0x{row.parent_hash.hex()} in coverage")
    found.extend(_counts(height.number, node, row, height.tables.get(node.block_hash, TableBlock())))
    return found


def _counts(number: int, node: NodeBlock, row: CoverageRow, table: TableBlock) -> list[Difference]:
    found: list[Difference] = []
    block_hash = "0x" + node.block_hash.hex()
    if table.rows.get("blocks", 0) != 1:
        count = table.rows.get("blocks", 0)
        found.append(Difference(number, block_hash, "blocks", f"canonical.blocks has {count} rows of it"))
    for counted in COUNTED:
        name = counted.table
        counts = {"coverage": row.counts[name], "tables": table.rows.get(name, 0)}
        if counted.told_by_node:
            counts = {"node": node.counts[name], **counts}
        if len(set(counts.values())) > 1:
            detail = ", ".join(f"{where} {count}" for where, count in counts.items())
            found.append(Difference(number, block_hash, name, detail))
    if table.states != node.counts["transactions"]:
        detail = f"{table.states} of {node.counts['transactions']} transactions are INCLUDED in it"
        found.append(Difference(number, block_hash, "states", detail))
    if table.wrong_states:
        detail = f"{table.wrong_states} transactions whose execution status contradicts the receipt"
        found.append(Difference(number, block_hash, "states", detail))
    return found
