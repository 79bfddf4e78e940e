"""A chain that grows by a block every so many seconds, and its nodes: sound, spoiled or away."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final

from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node.adjustable import relink
from sandbox.node.faults import Fault
from sandbox.node.methods import Methods
from sandbox.node.plan import Plan, Play
from sandbox.node.synthetic import Content, synthetic_block
from sandbox.services.ports import Ports

COUNT: Final = 3
CHAIN_ID: Final = 31337
FIRST_BLOCKS: Final = 4
LAGS: Final = {"safe_lag": 8, "finalized_lag": 16}
_ALL: Final = range(COUNT)


class Spoiled:
    """What a node does wrong, changed while it serves; nothing at first. A `Plan` of the recorded node."""

    def __init__(self) -> None:
        self._play: Play | None = None
        self.asked = -1.0
        """When receipts were asked for last (monotonic seconds)."""

    def become(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Do this from now on; without any it is sound."""
        self._play = Play(Plan.model_validate({"faults": list(faults)})) if faults else None

    def take(
        self, methods: Methods, method: str, params: Sequence[object], place: int | None = None
    ) -> Fault | None:
        if method == "eth_getBlockReceipts":
            self.asked = time.monotonic()
        play = self._play
        return None if play is None else play.take(methods, method, params, place)

    def holds_open(self) -> bool:
        play = self._play
        return play is not None and play.holds_open()

    def tells_nothing(self) -> bool:
        play = self._play
        return play is not None and play.tells_nothing()


def last_asked(nodes: Sequence[Spoiled]) -> int:
    """The number of the one that was asked for receipts last."""
    return max(range(len(nodes)), key=lambda number: nodes[number].asked)


class Nodes:
    """`with Nodes(block_seconds) as nodes: …`: sound nodes of a chain that grows from then on."""

    def __init__(self, block_seconds: float) -> None:
        self.chain = AdjustableChain(
            _block, first=1, length=FIRST_BLOCKS, chain_id=CHAIN_ID, parent="0x" + "00" * 32
        )
        self._block_seconds = block_seconds
        self._spoiled = [Spoiled() for _ in _ALL]
        self._nodes = [RecordedNode(self.chain, plan=each, **LAGS) for each in self._spoiled]
        self._serving = [ExitStack() for _ in _ALL]
        # Below those that the kernel gives to others: one that was cut off finds its own again.
        self._ports = Ports()
        self._places = [self._ports.take(f"node {number}") for number in _ALL]
        self._ended = threading.Event()
        self._stands_still = threading.Event()
        self._growing = threading.Lock()
        self._driver = threading.Thread(target=self._drive, name="chain", daemon=True)

    def __enter__(self) -> Nodes:
        self.serve(_ALL)
        self._driver.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._driver.join()
        self.cut_off(_ALL)
        self._ports.release()

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self._nodes]

    def spoil(self, which: Collection[int], faults: Sequence[Mapping[str, Any]]) -> None:
        """Have some do what rules of docs/recorded-node.md say; without any rule they are sound again."""
        for number in which:
            self._spoiled[number].become(faults)

    def in_use(self) -> int:
        """The node that was asked for receipts last: the first choice of who follows the chain."""
        return last_asked(self._spoiled)

    def cut_off(self, which: Collection[int]) -> None:
        """Refuse connections to some, and end those that there are."""
        for number in which:
            self._serving[number].close()

    def serve(self, which: Collection[int]) -> None:
        """Take connections again, at the addresses of before."""
        for number in which:
            serving = self._nodes[number].serve_in_thread(self._places[number])
            self._serving[number].enter_context(serving)

    def halt(self) -> None:
        """No block from now on."""
        self._stands_still.set()

    def go_on(self) -> None:
        """A block every so many seconds again."""
        self._stands_still.clear()

    def hurry(self, blocks: int) -> None:
        """So many blocks at once."""
        with self._growing:
            self.chain.extend(blocks)

    def _drive(self) -> None:
        while not self._ended.wait(self._block_seconds):
            if not self._stands_still.is_set():
                self.hurry(1)


def _block(number: int, parent: str, salt: int) -> Content:
    """A made-up block of this moment: how late a block becomes visible is told by its timestamp."""
    made = synthetic_block(number, parent, chain_id=CHAIN_ID, salt=salt)
    return relink(Content({**made.block, "timestamp": hex(int(time.time()))}, made.receipts), parent)
