"""Moves the deployment's chain beside the sink: a thread of its own, since moving history takes minutes."""

from __future__ import annotations

from typing import Final, Self

from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.client import connect
from connectors.clickhouse.visibility.chain_id import chain_id_from_tables
from connectors.clickhouse.visibility.moving.mover import Mover
from connectors.clickhouse.visibility.moving.plan import Moved
from connectors.clickhouse.visibility.ticks import Ticks, one_line
from headwater.errors import HeadwaterError, Transient
from headwater.logging import get_logger
from headwater.metrics.sink import MOVED_HEIGHT
from headwater.settings import Settings

# A statement that takes longer is given up, and its move made anew; see mover.PATIENCE_SECONDS.
STATEMENT_SECONDS: Final = 600
_log = get_logger("connectors.clickhouse.move")


class MoveLoop(Ticks):
    """`with MoveLoop(settings):` moves until the block ends. Trouble is logged and tried again.

    On a cluster nothing is moved: the parts of a move would reach its shards one after the other.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("move", self._move, _warn)
        self._settings = settings
        self._mover: Mover | None = None
        self._waiting = False

    def __enter__(self) -> Self:
        if self._settings.sink.move_settled and not self._settings.clickhouse.cluster:
            super().__enter__()
        return self

    def _move(self) -> None:
        try:
            self._mover = self._mover or self._open()
            if self._mover is not None:
                self._moved(self._mover.tick(), self._mover.waiting)
        except (ClickHouseError, HeadwaterError, OSError) as error:
            raise Transient(one_line(error)) from error

    def _moved(self, moved: Moved | None, waiting: bool) -> None:
        if moved is not None:
            MOVED_HEIGHT.labels(self._settings.chain.name).set(moved.ending - 1)
            _log.info(
                "moved settled rows",
                up_to=moved.ending - 1,
                blocks=len(moved.heights),
                exceptions=len(moved.exceptions),
            )
        if waiting and not self._waiting:
            _log.info("another process moves settled rows, or died at it: waiting until that is over")
        self._waiting = waiting

    def _open(self) -> Mover | None:
        client = connect(self._settings.clickhouse, timeout_seconds=STATEMENT_SECONDS)
        chain_id = chain_id_from_tables(client, self._settings)
        if chain_id is None:
            client.close()
            return None
        return Mover(client, self._settings.clickhouse.database, chain_id)


def _warn(error: Transient) -> None:
    # Only the views' speed depends on this; the sink itself says when ClickHouse is away.
    _log.warning(
        "cannot move settled rows, trying again; views are right and slower meanwhile",
        error=str(error),
        remedy="docs/runbook.md, Settled rows are not moved",
    )
