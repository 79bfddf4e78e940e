"""A life of a chain, a step at a time, whose rows are written, settled and moved as the sink does it."""

from __future__ import annotations

from random import Random

from connectors.clickhouse.visibility.moving.mover import Mover
from connectors.clickhouse.visibility.moving.plan import Limits
from connectors.clickhouse.visibility.settler import Settler
from connectors.clickhouse.visibility.store import SettledStore
from tests.builders.covered_chain import PER_BLOCK, VIEWS, Chain


class Life:
    """A chain whose messages reach the tables in their order, one at a time; `published` has all of them."""

    def __init__(self, chain: Chain, random: Random) -> None:
        self.chain = chain
        self.random = random
        # number → (branch, tables without rows, whole)
        self.canonical: dict[int, tuple[str, frozenset[str], bool]] = {}
        self.orphans: set[tuple[int, str]] = set()
        self.published: list[tuple[str, int, str, int, bool, bool]] = []
        self.final = 0
        self.settler = Settler(chain.client, chain.database, 1, dict)
        self.store = SettledStore(chain.client, chain.database, 1)
        self.limits = Limits(step=1, stride=3, kept=0, filled=1)
        self.mover = self.new_mover()

    def new_mover(self) -> Mover:
        return Mover(self.chain.client, self.chain.database, 1, self.limits, patience=0)

    def say(self, table: str, number: int, branch: str, sequence: int, removed: bool, complete: bool) -> None:
        self.published.append((table, number, branch, sequence, removed, complete))
        self.write(*self.published[-1])

    def write(
        self, table: str, number: int, branch: str, sequence: int, removed: bool, complete: bool
    ) -> None:
        if table == "coverage":
            parent = self.canonical.get(number - 1, (branch,))[0]
            self.chain.coverage(
                number, branch, sequence=sequence, removed=removed, complete=complete, parent=parent
            )
            return
        if removed:
            # The sink's guard.
            self.store.unsettle({number: sequence})
        self.chain.rows(table, number, branch, sequence=sequence, removed=removed)

    def show(self, number: int, branch: str, without: frozenset[str], complete: bool) -> None:
        self.chain.sequence += 1
        for table in VIEWS:
            self.say(table, number, branch, self.chain.sequence, table in without, True)
        self.say("coverage", number, branch, self.chain.sequence, False, complete)

    def take_back(self, number: int, branch: str) -> None:
        self.chain.sequence += 1
        tables = [*VIEWS, "coverage"]
        self.random.shuffle(tables)
        # The row of `blocks` or coverage hides the block, whichever comes first.
        for table in sorted(tables, key=lambda each: each != "coverage"):
            self.say(table, number, branch, self.chain.sequence, True, True)

    def grow(self) -> None:
        number = max(self.canonical, default=0) + 1
        branch = f"b{self.chain.sequence}"
        complete = self.random.random() < 0.8
        self.show(number, branch, frozenset(), complete)
        self.canonical[number] = branch, frozenset(), complete

    def fork(self) -> None:
        """Of unfinalized blocks, or (an operator's accept-fork) of final ones."""
        depth = self.random.randint(1, 3)
        for number in sorted(self.canonical, reverse=True)[:depth]:
            branch, _, _ = self.canonical.pop(number)
            self.take_back(number, branch)
            self.orphans.add((number, branch))
        for _ in range(depth):
            self.grow()

    def repair(self) -> None:
        if self.canonical:
            number = self.random.choice(sorted(self.canonical))
            branch, without, _ = self.canonical[number]
            more = frozenset(
                self.random.sample(["logs", "contracts", "transactions"], self.random.randint(0, 1))
            )
            complete = self.random.random() < 0.85
            self.show(number, branch, without | more, complete)
            self.canonical[number] = branch, without | more, complete

    def take_an_orphan_back(self) -> None:
        if self.orphans:
            self.take_back(*self.random.choice(sorted(self.orphans)))

    def replay(self) -> None:
        """Old messages again, in their order, up to some place."""
        if self.published:
            start = self.random.randrange(len(self.published))
            for message in self.published[start : start + 25]:
                self.write(*message)

    def settle(self) -> None:
        final = max(self.canonical, default=0)
        if final:
            self.chain.finalize(final, self.canonical[final][0])
            for _ in range(3):
                self.settler.tick()
            self.store.trim(self.settler.settled(), 10**9)

    def move(self) -> None:
        if self.random.random() < 0.3:
            self.mover = self.new_mover()
        for _ in range(self.random.randint(1, 3)):
            self.mover.tick()

    def expected(self) -> dict[str, dict[tuple[int, str], int]]:
        return {
            view: {
                (number, branch): PER_BLOCK[view]
                for number, (branch, without, whole) in self.canonical.items()
                if whole and view not in without
            }
            for view in VIEWS
        }
