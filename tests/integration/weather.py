"""Three nodes of one growing, forking chain, and the faults that they have between `begin` and `end`."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random
from types import TracebackType
from typing import Any, Final

from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.plan import Plan, Play
from tests.builders.node_storms import LATENCY, kinds, storm

LAGS: Final = {"safe_lag": 8, "finalized_lag": 16}
NODES: Final = 3
_NEVER: Final = -1.0
_FORKS: Final = 0.12
_DEEPEST: Final = 5
KINDS: Final = (LATENCY, *kinds(retry_after=0.2, oversized=2_000_000))


class Weather:
    """`with Weather(chain, seed, …) as weather: … weather.begin() … weather.end()`.

    A block each `block_seconds` from `begin` on, a fork now and then, never as deep as what is final; each
    node is frozen, gone and on a branch of its own in turn, for `turn` seconds, one at a time each, besides
    what it does to single calls. `perfect` is a node of the same chain without faults.
    """

    def __init__(self, chain: AdjustableChain, seed: int, *, block_seconds: float, turn: float) -> None:
        self.chain = chain
        self._chance = Random(seed)
        self._block_seconds = block_seconds
        self._began: float | None = None
        self._passed = 0.0
        self._plays = [Play(_plan(seed, number, turn), self._seconds) for number in range(NODES)]
        # Before all rules are on: a play begins at the time that its clock shows first.
        self._passed = _NEVER
        self.nodes = [RecordedNode(chain, plan=play, **LAGS) for play in self._plays]
        self.perfect = RecordedNode(chain, **LAGS)
        self.forks = 0
        self._ended = threading.Event()
        self._driver = threading.Thread(target=self._drive, name="weather")
        self._running = ExitStack()

    def __enter__(self) -> Weather:
        for node in (*self.nodes, self.perfect):
            self.chain.listen(node.announce)
            self._running.enter_context(node.serve_in_thread())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._running.close()

    def begin(self) -> None:
        """Let the chain grow, and the faults happen."""
        self._began = time.monotonic()
        self._driver.start()

    def end(self) -> None:
        """The chain stands still, and every node is sound."""
        self._began = None
        self._ended.set()
        if self._driver.is_alive():
            self._driver.join()

    @property
    def happened(self) -> Counter[str]:
        """How often each kind of fault did. The nodes' threads count meanwhile, so copies are added up."""
        return sum((play.happened.copy() for play in self._plays), Counter[str]())

    @property
    def head(self) -> tuple[int, str]:
        """Height and hash of the chain's last block."""
        tip = self.chain.tip
        return tip.number, tip.hash

    def _seconds(self) -> float:
        return self._passed if self._began is None else time.monotonic() - self._began

    def _drive(self) -> None:
        while not self._ended.wait(self._block_seconds):
            if self._chance.random() < _FORKS:
                depth = self._chance.randint(1, _DEEPEST)
                self.chain.fork(depth, depth + 1)
                self.forks += 1
            else:
                self.chain.extend()


def _plan(seed: int, node: int, turn: float) -> Plan:
    """What a node does, HTTP and WebSocket."""
    stormy = storm(seed, node, KINDS, turn=turn)
    every = 6 * turn
    silences: Sequence[dict[str, Any]] = (
        {"kind": "silent_subscription", "start": 2 * turn * node, "every": every, "lasts": 2 * turn},
        {"kind": "half_open", "start": turn * (2 * node + 1.5), "every": every, "lasts": turn / 2},
        {
            "kind": "rate_limit",
            "per_second": 60,
            "start": 3 * turn,
            "every": every,
            "lasts": turn,
        },
    )
    faults = [*silences, *(each.model_dump() for each in stormy.faults)]
    return Plan.model_validate({"seed": stormy.seed, "faults": faults})
