"""Retractions that reach below finality: the blocks leave the settled range before any row does."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.clickhouse.sink.messages import Message
from connectors.clickhouse.sink.rows import Columns, Reader
from connectors.clickhouse.visibility.loop import Unsettle


class GuardedRows:
    """A reader whose columns are only handed on once `unsettle` knows of the retractions in them."""

    def __init__(self, reader: Reader, unsettle: Unsettle) -> None:
        self._reader = reader
        self._unsettle = unsettle
        self.names: Sequence[str] = reader.names

    def columns(self, messages: Sequence[Message]) -> Columns:
        """As the reader's; raises what it raises, and Transient."""
        columns = self._reader.columns(messages)
        self.unsettle_retracted(columns)
        return columns

    def unsettle_retracted(self, columns: Columns) -> None:
        """Call `unsettle` with the retractions among rows to be written. Raises Transient."""
        if any(columns["removed"]):
            retracted: dict[int, dict[int, int]] = {}
            for chain_id, number, sequence, removed in zip(
                columns["chain_id"],
                columns["block_number"],
                columns["sequence"],
                columns["removed"],
                strict=True,
            ):
                if removed:
                    of_chain = retracted.setdefault(chain_id, {})
                    of_chain[number] = max(sequence, of_chain.get(number, 0))
            for chain_id, numbers in retracted.items():
                self._unsettle(chain_id, numbers)
