"""The branches of its own that a node under a plan is on, each while its rule is on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sandbox.node import faults as f
from sandbox.node.forked import ForkedChain
from sandbox.node.methods import Methods
from sandbox.node.plan.branches import FinalizedBack, MixedBatch, MovedFinalized, SealedFork

OF_A_BRANCH: Final = frozenset(
    {
        "eth_blockNumber",
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getBlockReceipts",
        "eth_getTransactionByHash",
        "eth_getTransactionReceipt",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getBlockTransactionCountByNumber",
        "eth_getBlockTransactionCountByHash",
        "eth_getLogs",
        "debug_traceBlockByNumber",
        "debug_traceBlockByHash",
        "trace_block",
    }
)
"""What depends on the branch that a node is on."""


class Forks:
    """By the place of a rule in its plan; `seed` tells the branches of two nodes apart."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._begun = 0
        self._forks: dict[int, tuple[ForkedChain, Methods]] = {}

    def forget(self, rule: int) -> None:
        """The rule is off: the next time it makes another branch."""
        self._forks.pop(rule, None)

    def methods(self, rule: int, methods: Methods, below: int) -> Methods:
        """The node as it is on the rule's branch; a new one leaves the chain above height `below`."""
        known = self._forks.get(rule)
        if known is None or not known[0].leaves_the_chain:
            self._begun += 1
            name = f"fork {self._seed}/{rule}/{self._begun}"
            chain = ForkedChain(methods.chain, max(methods.chain.first(), below), name)
            known = self._forks[rule] = chain, Methods(chain, methods.head)
        return known[1]

    def fault(
        self,
        at: int,
        rule: SealedFork | MovedFinalized | FinalizedBack | MixedBatch,
        methods: Methods,
        method: str,
        params: Sequence[object],
        place: int | None,
    ) -> f.Fault | None:
        """What a call suffers by a rule, which is the plan's number `at`."""
        if isinstance(rule, MovedFinalized | FinalizedBack):
            height = _tagged(methods, params, rule.tags)
            if height is None:
                return None
            if isinstance(rule, FinalizedBack):
                return f.Instead(lambda: _at(methods, params, height - rule.blocks))
            branch = self.methods(at, methods, height - rule.depth)
            return f.Instead(lambda: _at(branch, params, height))
        if isinstance(rule, MixedBatch) and (place is None or place % 2 == 0):
            return None
        branch = self.methods(at, methods, methods.head.number - rule.depth)
        return f.Instead(lambda: branch.call(method, list(params)))


def _at(methods: Methods, params: Sequence[object], height: int) -> bytes:
    """The answer to a question for a tag, when the tag named this height."""
    return methods.call("eth_getBlockByNumber", [hex(max(methods.chain.first(), height)), *params[1:]])


def _tagged(methods: Methods, params: Sequence[object], tags: Sequence[str]) -> int | None:
    """The height that a call for one of these tags asks for, None where it asks for another block."""
    named = params[0] if params else None
    return methods.head.tag(named) if isinstance(named, str) and named in tags else None
