"""What verify found becomes requests."""

from __future__ import annotations

import ast
import inspect

from audit.repair.differences import asks_for
from audit.verify import compare
from audit.verify.compare import ORPHANED, Difference
from connectors.evm.repair.request import BlockName

MINE, THEIRS = "0x" + "aa" * 32, "0x" + "bb" * 32


def test_each_block_that_differs_is_asked_for_once() -> None:
    asks = asks_for(
        [
            Difference(8, MINE, "missing", "the node has it, coverage does not"),
            Difference(7, MINE, "logs", "node 3, coverage 3, tables 2"),
            Difference(7, MINE, "states", "1 of 2"),
            Difference(7, THEIRS, "not-canonical", "coverage has it"),
            Difference(7, THEIRS, "orphan-rows", "views show it"),
        ],
        5,
    )
    assert [(ask.block, ask.refetch, ask.letters) for ask in asks] == [
        (BlockName(5, 7, b"\xaa" * 32), True, 0),
        (BlockName(5, 7, b"\xbb" * 32), False, 0),
        (BlockName(5, 8, b"\xaa" * 32), True, 0),
    ]
    assert asks[0].reason == "verify: logs: node 3, coverage 3, tables 2; states: 1 of 2"
    assert asks[0].request("me", 1).letter_topic is None


def test_the_kinds_about_orphans_are_those_that_compare_gives() -> None:
    texts = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(compare.compare)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert texts >= ORPHANED
