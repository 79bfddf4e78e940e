"""Moves rows of settled blocks into the settled tables, one move per `tick`.

Whatever it is stopped at, every reader sees each row once: rows are copied into staging tables, handed
over where nobody looks yet, and count from the moment at which the row of `moved` is handed over. What a
process that died had prepared is handed over by the next one, and of anything else of it nothing comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from connectors.clickhouse.client import Client
from connectors.clickhouse.visibility.moving.attempts import Attempt, Patience
from connectors.clickhouse.visibility.moving.plan import Limits, Move, Moved, Sight, next_move
from connectors.clickhouse.visibility.moving.store import MovedStore
from connectors.clickhouse.visibility.moving.sweep import Sweep
from connectors.clickhouse.visibility.store import SettledStore

# Longer than a move may take: the client gives up before. Too short would be safe, and in vain.
PATIENCE_SECONDS: Final = 3_600.0


class Mover:
    """Moves one chain's rows. Any number may run: one of them gets to.

    Errors of the client (`ClickHouseError`), and Transient where a disk is full, go to the caller; the next
    tick starts over.
    """

    def __init__(
        self,
        client: Client,
        database: str,
        chain_id: int,
        limits: Limits | None = None,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chain_id = chain_id
        self._limits = limits or Limits()
        self._settled = SettledStore(client, database, chain_id)
        self._store = MovedStore(client, database, chain_id)
        self._sweep = Sweep(client, database, chain_id)
        self._patience = Patience(patience)
        self._clock = clock
        # Attempts of this process: it knows that nothing of them runs any more.
        self._mine: set[Attempt] = set()
        self.waiting = False
        # What was moved and settled at the last tick: queries may still go by that, and by nothing older.
        self._known: Moved | None = None
        self._sequence = 0

    def tick(self) -> Moved | None:
        """Do what is due; call it some seconds after the last one. Returns what is moved when it grew."""
        known, sequence = self._known, self._sequence
        moved, settled = self._store.read(), self._settled.read()
        self._known, self._sequence = moved, settled.sequence
        standing = self._store.standing()
        self._store.drop(standing.passed(moved.version))
        others = [each for each in standing.beyond(moved.version) if each not in self._mine]
        self.waiting = not self._patience.over(others, self._clock())
        if self.waiting or known is None:
            return None
        self._sweep.run(known, self._store.changed(known))
        unfinished = bool(standing.beyond(moved.version))
        if unfinished and not self._store.idle(moved.version + 1):
            # A statement outlived its process, or the connection.
            self.waiting = True
            return None
        if not unfinished and self._plan(moved, known, sequence) is None:
            return None
        attempt = standing.next(self._chain_id, moved.version)
        self._mine = {each for each in self._mine if each.version > moved.version} | {attempt}
        if not self._store.begin(attempt) or not self._store.take(attempt):
            return None
        origin = self._store.prepared(attempt)
        if origin is not None:
            self._store.hand_over(attempt, origin)
            return self._store.read()
        return self._make(attempt, moved, known, sequence)

    def moved(self) -> Moved:
        """What is moved now."""
        return self._store.read()

    def _make(self, attempt: Attempt, before: Moved, known: Moved, sequence: int) -> Moved | None:
        """One move under staging tables of this attempt."""
        if not self._store.stage(attempt) or self._store.read().version != before.version:
            # We slept since `before` was read. Names of a version that was reached are nobody's.
            return None
        settled = self._settled.read().sequence
        move = self._plan(before, known, sequence)
        if move is None:
            return None
        self._store.copy(attempt, move)
        coverage = self._store.coverage(move.after.sequence, before)
        if move.disturbed(self._store.touched(move, settled), coverage):
            return None
        self._store.prepare(attempt, move.after)
        self._store.hand_over(attempt, attempt.number)
        return move.after

    def _plan(self, moved: Moved, known: Moved, sequence: int) -> Move | None:
        coverage = self._store.coverage(max(sequence, moved.sequence), moved)
        gone = self._store.gone(moved.sequence)
        sight = Sight(self._settled.read(), moved, coverage, gone, known, sequence)
        return next_move(sight, self._limits)
