"""Which call is done what to: the first rule that is on, is about the call and is drawn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from sandbox.node import faults as f
from sandbox.node.methods import Methods
from sandbox.node.plan import answers, heads, rules
from sandbox.node.plan.branches import FinalizedBack, MixedBatch, MovedFinalized, SealedFork
from sandbox.node.plan.connections import HalfOpen, RateLimit, SilentSubscription
from sandbox.node.plan.errors import ERRORS
from sandbox.node.plan.forks import OF_A_BRANCH, Forks
from sandbox.node.plan.limits import Bucket
from sandbox.node.plan.rule import Rule
from sandbox.node.plan.rules import AnyRule, Plan
from sandbox.node.plan.spoiling import of_the_connection

_ABOUT: dict[type[Rule], Collection[str]] = {
    rules.Null: rules.BLOCKS,
    rules.EmptyReceipts: rules.RECEIPTS,
    rules.StaleHead: rules.HEADS,
    rules.FrozenHead: rules.HEADS,
    rules.LyingHead: rules.HEADS,
    rules.TwoBranches: ("eth_getBlockByNumber",),
    rules.WrongReceipts: rules.RECEIPTS,
    rules.MissingLogs: rules.RECEIPTS,
    rules.CutTransactions: (*rules.BLOCKS, *rules.RECEIPTS),
    rules.WrongChain: ("eth_chainId", "net_version"),
    rules.Pruned: ("eth_getBlockByNumber", "eth_getBlockReceipts"),
    rules.TagError: ("eth_getBlockByNumber",),
    rules.Syncing: ("eth_syncing",),
    SealedFork: OF_A_BRANCH,
    MixedBatch: OF_A_BRANCH,
    MovedFinalized: ("eth_getBlockByNumber",),
    FinalizedBack: ("eth_getBlockByNumber",),
}
"""What a kind is about where its rule names no methods; a kind that is not here is about any."""


class Play:
    """A plan as it happens to one node. `happened` counts what did, by kind.

    Each rule draws from its own sequence, so that one more rule does not change what the others do.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.happened: Counter[str] = Counter()
        self._clock = clock
        self._start = clock()
        self._rules = [(rule, Random(f"{plan.seed}/{at}")) for at, rule in enumerate(plan.faults)]
        self._frozen: dict[int, int] = {}
        self._forks = Forks(plan.seed)
        self._buckets: dict[int, Bucket] = {}

    def take(
        self, methods: Methods, method: str, params: Sequence[object], place: int | None = None
    ) -> f.Fault | None:
        """The fault that a call suffers, if any; `place` is its place in a batch, None outside of one."""
        seconds = self._clock() - self._start
        for at, (rule, random) in enumerate(self._rules):
            if not rule.is_on(seconds):
                self._frozen.pop(at, None)
                self._forks.forget(at)
                continue
            if isinstance(rule, rules.FrozenHead):
                self._frozen.setdefault(at, methods.head.number)
            if isinstance(rule, SealedFork):
                self._forks.methods(at, methods, methods.head.number - rule.depth)
            about = rule.methods or _ABOUT.get(type(rule), (method,))
            if method not in about or random.random() >= rule.probability:
                continue
            fault = self._fault(at, rule, random, methods, method, params, place)
            if fault is not None:
                self.happened[rule.kind] += 1
                return fault
        return None

    def holds_open(self) -> bool:
        """Whether a WebSocket gets no answer now, nor anything else."""
        return self._happens(HalfOpen)

    def tells_nothing(self) -> bool:
        """Whether subscribers are not told of a head now."""
        return self._happens(HalfOpen, SilentSubscription)

    def _happens(self, *kinds: type[Rule]) -> bool:
        """What is not a call: whether one of the rules of these kinds is on and drawn."""
        seconds = self._clock() - self._start
        for rule, random in self._rules:
            if isinstance(rule, kinds) and rule.is_on(seconds) and random.random() < rule.probability:
                self.happened[rule.kind] += 1
                return True
        return False

    def _fault(
        self,
        at: int,
        rule: AnyRule,
        random: Random,
        methods: Methods,
        method: str,
        params: Sequence[object],
        place: int | None,
    ) -> f.Fault | None:
        match rule:
            case SealedFork() | MovedFinalized() | FinalizedBack() | MixedBatch():
                return self._forks.fault(at, rule, methods, method, params, place)
            case RateLimit(per_second=most, retry_after=after, name=name):
                now = self._clock()
                if self._buckets.setdefault(at, Bucket(most, now)).takes(now):
                    return None
                return f.too_many_requests(after) if name is None else f.CallError(*ERRORS[name])
            case rules.Syncing(behind=behind):
                head = methods.head.number
                lacks = {
                    "startingBlock": "0x0",
                    "currentBlock": hex(head),
                    "highestBlock": hex(head + behind),
                }
                return f.Result(lacks)
            case rules.StaleHead(blocks=blocks):
                return self._as_of(
                    methods, max(methods.chain.first(), methods.head.number - blocks), method, params
                )
            case rules.FrozenHead():
                return self._as_of(methods, self._frozen[at], method, params)
            case rules.LyingHead(blocks=blocks, sealed=sealed) if heads.asks_head(method, params):
                return f.Instead(lambda: heads.made_up(methods, blocks, method, params, sealed=sealed))
            case rules.TwoBranches(depth=depth):
                height = heads.height_of(params)
                if height is None or not methods.head.number - depth < height <= methods.head.number:
                    return None
                other = heads.other_branch(methods, params)
                return None if other is None else f.Instead(lambda: other)
            case rules.Pruned(keeps=keeps):
                height = heads.height_of(params)
                gone = height is not None and height < methods.head.number - keeps
                return f.CallError(*ERRORS["geth-pruned"]) if gone else None
            case rules.TagError(tags=tags, null=null, code=code, message=message):
                if not params or params[0] not in tags:
                    return None
                return f.NullResult() if null else f.CallError(code, message)
        return _of_the_answer(rule, random, method)

    @staticmethod
    def _as_of(methods: Methods, head: int, method: str, params: Sequence[object]) -> f.Fault | None:
        height = heads.height_of(params)
        if not heads.asks_head(method, params) and (height is None or height <= head):
            return None
        return f.Instead(lambda: heads.at(methods, head, method, params))


def _of_the_answer(rule: AnyRule, random: Random, method: str) -> f.Fault | None:
    match rule:
        case rules.Error(name=name, code=code, message=message):
            return f.CallError(*((code, message) if name is None else ERRORS[name]))
        case rules.Null():
            return f.NullResult()
        case rules.EmptyReceipts():
            return f.Result([])
        case rules.WrongReceipts():
            return f.Changed(answers.wrong_receipts)
        case rules.MissingLogs():
            return f.Changed(lambda result: answers.missing_logs(result, random))
        case rules.CutTransactions(receipts=False) if method in rules.RECEIPTS:
            return None
        case rules.CutTransactions(share=share):
            return f.Changed(lambda result: answers.cut_transactions(result, share))
        case rules.WrongChain(chain_id=chain_id):
            return f.Result(hex(chain_id) if method == "eth_chainId" else str(chain_id))
    return of_the_connection(rule, random)
