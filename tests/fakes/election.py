"""An election that the test decides, or among several members as a group does."""

from __future__ import annotations

import asyncio


class Ballot:
    """A member. Of a `group`, the first that is in it leads, and who steps down goes to its end; without one
    `decide` does.
    """

    def __init__(self, group: list[Ballot] | None = None) -> None:
        self._changed = asyncio.Condition()
        self._leads = False
        self._group = group
        self.stepped_down = asyncio.Semaphore(0)
        self.rejected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        try:
            await self._join()
            await self.rejected
        finally:
            await self._leave()

    async def elected(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._leads)

    async def ousted(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._leads)

    async def step_down(self) -> None:
        await self._leave()
        await self._join()
        self.stepped_down.release()

    async def decide(self, *, leads: bool) -> None:
        async with self._changed:
            self._leads = leads
            self._changed.notify_all()

    async def _join(self) -> None:
        if self._group is not None:
            self._group.append(self)
            await self._group[0].decide(leads=True)

    async def _leave(self) -> None:
        await self.decide(leads=False)
        if self._group is not None and self in self._group:
            self._group.remove(self)
            if self._group:
                await self._group[0].decide(leads=True)
