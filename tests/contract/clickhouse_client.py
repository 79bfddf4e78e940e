"""What the sink relies on in a client of ClickHouse, whichever it is: subclasses say which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cramjam
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.client import INSERT_SETTINGS
from connectors.clickhouse.native import block, encoder
from connectors.clickhouse.sink.table import FAILURES, ROW_CODES, RawClient, open_table
from headwater.errors import Fatal, Transient

KINDS = {"n": "UInt64", "h": "FixedString(2)", "t": "Nullable(String)", "a": "Array(UInt8)"}
ROWS = {"n": [7, 8], "h": [b"ab", b"cd"], "t": [None, "é"], "a": [[], [1, 2]]}
READ = [(7, b"ab", None, []), (8, b"cd", "é", [1, 2])]


class Server(Protocol):
    """A server of one database that has no tables yet."""

    database: str

    def client(self) -> RawClient: ...
    def create(self, table: str, **columns: str) -> None: ...
    def rows(self, table: str) -> Sequence[Sequence[object]]:
        """A table's rows as inserted, FixedString as bytes."""

    def stop(self) -> None:
        """From now on nothing answers."""


def encoded(**columns: Sequence[object]) -> bytes:
    """A block of the columns of KINDS."""
    return block([(name, encoder(KINDS[name]), values) for name, values in columns.items()])


class ClickHouseClientContract:
    """Tests of RawClient."""

    @pytest.fixture
    def server(self) -> Server:
        raise AssertionError("the subclass says which server")

    @pytest.fixture
    def client(self, server: Server) -> RawClient:
        server.create("things", **KINDS)
        return server.client()

    def insert(self, client: RawClient, server: Server, body: bytes, table: str = "things") -> None:
        names, settings = list(KINDS), dict(INSERT_SETTINGS)
        client.raw_insert(f"{server.database}.{table}", names, body, settings, "Native", None)

    def test_a_block_is_its_rows(self, client: RawClient, server: Server) -> None:
        self.insert(client, server, encoded(**ROWS))
        assert sorted(server.rows("things")) == READ

    def test_several_blocks_are_one_insert(self, client: RawClient, server: Server) -> None:
        self.insert(client, server, encoded(**ROWS) + encoded(**ROWS))
        assert sorted(server.rows("things"), key=str) == sorted([*READ, *READ], key=str)

    def test_a_compressed_block_is_the_same(self, client: RawClient, server: Server) -> None:
        body = bytes(cramjam.zstd.compress(encoded(**ROWS), 1))
        client.raw_insert(f"{server.database}.things", list(KINDS), body, {}, "Native", "zstd")
        assert sorted(server.rows("things")) == READ

    def test_a_block_that_ends_early_is_the_rows_fault_and_leaves_none(
        self, client: RawClient, server: Server
    ) -> None:
        with pytest.raises(ClickHouseError) as raised:
            self.insert(client, server, encoded(**ROWS)[:-1])
        assert getattr(raised.value, "code", None) in ROW_CODES
        assert list(server.rows("things")) == []

    def test_a_table_that_is_not_there_is_nobodys_fault(self, client: RawClient, server: Server) -> None:
        with pytest.raises(ClickHouseError) as raised:
            self.insert(client, server, encoded(**ROWS), "nothing")
        assert getattr(raised.value, "code", None) == 60
        with pytest.raises(Fatal, match="does not exist; run `headwater migrate`"):
            open_table(client, server.database, "nothing", ["n"])

    def test_a_table_tells_its_columns(self, client: RawClient, server: Server) -> None:
        table = open_table(client, server.database, "things", list(KINDS))
        table.write(ROWS)
        assert sorted(server.rows("things")) == READ
        with pytest.raises(Fatal, match="things lacks other"):
            open_table(client, server.database, "things", [*KINDS, "other"])

    def test_a_server_that_is_gone_is_waited_for(self, client: RawClient, server: Server) -> None:
        table = open_table(client, server.database, "things", list(KINDS))
        server.stop()
        with pytest.raises(FAILURES):
            self.insert(client, server, encoded(**ROWS))
        with pytest.raises(Transient, match="cannot insert into"):
            table.write(ROWS)
