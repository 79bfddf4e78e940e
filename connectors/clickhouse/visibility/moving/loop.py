"""Moves the deployment's chain beside the sink: a thread of its own, since moving history takes minutes."""

from __future__ import annotations

import threading
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.client import connect
from connectors.clickhouse.visibility.loop import TICK_SECONDS, known_chain_id
from connectors.clickhouse.visibility.moving.mover import Mover
from headwater.errors import HeadwaterError
from headwater.logging import get_logger
from headwater.metrics.sink import MOVED_HEIGHT
from headwater.settings import Settings

# A statement that takes longer is given up, and its move made anew; see mover.PATIENCE_SECONDS.
STATEMENT_SECONDS: Final = 600
_log = get_logger("connectors.clickhouse.move")


class MoveLoop:
    """`with MoveLoop(settings):` moves until the block ends. Trouble is logged and tried again.

    On a cluster nothing is moved: the parts of a move would reach its shards one after the other.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="move", daemon=True)

    def __enter__(self) -> MoveLoop:
        if self._settings.sink.move_settled and not self._settings.clickhouse.cluster:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            # A move that is cut off here is found by the next process.
            self._thread.join(1.0)

    def _run(self) -> None:
        mover: Mover | None = None
        failing = waiting = False
        while not self._stop.wait(TICK_SECONDS):
            try:
                mover = mover or self._open()
                if mover is None:
                    continue
                moved = mover.tick()
                if moved is not None:
                    MOVED_HEIGHT.labels(self._settings.chain.name).set(moved.ending - 1)
                    _log.info(
                        "moved settled rows",
                        up_to=moved.ending - 1,
                        blocks=len(moved.heights),
                        exceptions=len(moved.exceptions),
                    )
                if mover.waiting and not waiting:
                    _log.info("another process moves settled rows, or died at it: waiting until that is over")
                failing, waiting = False, mover.waiting
            except (ClickHouseError, HeadwaterError, OSError) as error:
                # Only the views' speed depends on this; the sink itself says when ClickHouse is away.
                if not failing:
                    _log.warning(
                        "cannot move settled rows, trying again; views are right and slower meanwhile",
                        error=" ".join(str(error).split())[:300],
                        remedy="docs/runbook.md, Settled rows are not moved",
                    )
                failing = True

    def _open(self) -> Mover | None:
        client = connect(self._settings.clickhouse, timeout_seconds=STATEMENT_SECONDS)
        chain_id = known_chain_id(client, self._settings)
        if chain_id is None:
            client.close()
            return None
        return Mover(client, self._settings.clickhouse.database, chain_id)
