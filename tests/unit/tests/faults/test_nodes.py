"""It is known which node is listened to."""

from __future__ import annotations

from unittest.mock import create_autospec

from sandbox.node.methods import Methods
from tests.faults.nodes import Spoiled, last_asked


def test_the_node_in_use_is_the_one_that_was_asked_for_receipts_last() -> None:
    methods = create_autospec(Methods)  # a node without faults does not look at them
    nodes = [Spoiled() for _ in range(3)]
    for number in (2, 1):
        assert nodes[number].take(methods, "eth_getBlockReceipts", ["0x1"]) is None
        assert last_asked(nodes) == number
    assert nodes[0].take(methods, "eth_blockNumber", []) is None
    assert last_asked(nodes) == 1
