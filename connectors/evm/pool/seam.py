"""What the listener needs of its nodes: `Nodes`, or a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from connectors.evm.events import Head
from connectors.evm.pool.asking.work import T, Work
from connectors.evm.pool.comparison import Compared


class Pool(Protocol):
    """Several endpoints of one chain; the methods are those of `Nodes`."""

    async def ask(self, work: Work[T], *, kind: str | None = None, rounds: int | None = None) -> T: ...

    async def best(self, work: Work[T], rank: Callable[[T], int]) -> T | None: ...

    async def each(self, work: Work[T], *, enough: int | None = None) -> list[tuple[str, T]]: ...

    async def soon(self, work: Work[T]) -> list[tuple[str, T]]: ...

    @property
    def size(self) -> int: ...

    def recheck(self) -> None: ...

    def pass_over(self, name: str) -> bool: ...

    async def compare(self, known: Head) -> Compared: ...
