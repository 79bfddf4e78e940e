"""What clients of ClickHouse's HTTP interface rely on, asked of the local server."""

from __future__ import annotations

import gzip
import http.client
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterator

import cramjam
import psutil
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from sandbox.chdb.logins import WRITER
from tests.builders.clickhouse import basic
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process
        assert process.stop() == 0


@pytest.fixture
def client(server: ClickHouseProcess) -> Iterator[Client]:
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    client.command(
        "CREATE TABLE kinds (n UInt64, h FixedString(4), big Nullable(UInt256), l LowCardinality(String), "
        "t DateTime64(3, 'UTC'), a Array(FixedString(2)), r Array(Tuple(x UInt64, y FixedString(2)))) "
        "ENGINE = MergeTree PARTITION BY intDiv(n, 1000) ORDER BY n"
    )
    yield "kinds"
    client.command("DROP TABLE kinds SYNC")


def call(
    server: ClickHouseProcess,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    **options: str,
) -> tuple[int, bytes, dict[str, str]]:
    url = f"{server.url}/?{urllib.parse.urlencode(options)}"
    login = basic(WRITER, server.logins.writer)
    request = urllib.request.Request(url, data=body, headers=login | (headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def rows(count: int) -> list[list[object]]:
    return [
        list(range(count)),
        [b"%04d" % (n % 10_000) for n in range(count)],
        [None if n % 3 else 2**255 + n for n in range(count)],
        [f"kind-{n % 5}" for n in range(count)],
        [1_700_000_000_123 + n for n in range(count)],
        [[b"ab"] * (n % 4) for n in range(count)],
        [[(n, b"xy")] for n in range(count)],
    ]


COLUMNS = ["n", "h", "big", "l", "t", "a", "r"]


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_clickhouse_connect_inserts_and_reads_every_type(
    server: ClickHouseProcess, table: str, compress: bool | str
) -> None:
    client = server.client(compress=compress)
    data = rows(2_000)
    summary = client.insert(table, data, column_names=COLUMNS, column_oriented=True)
    assert summary.written_rows == 2_000
    answer = client.query(f"SELECT n, h, big, l, toUnixTimestamp64Milli(t), a, r FROM {table} ORDER BY n")
    got = [list(column) for column in answer.result_columns]
    assert got[:6] == data[:6]
    assert got[6][7] == [{"x": 7, "y": b"xy"}]
    client.close()


def test_native_columns_of_another_type_are_converted(client: Client, table: str) -> None:
    client.insert(
        table, [[1, 2], [str(2**256 - 1), None]],
        column_names=["n", "big"], column_type_names=["UInt64", "Nullable(String)"], column_oriented=True,
    )  # fmt: skip
    assert client.query(f"SELECT big FROM {table} ORDER BY n").result_rows == [(2**256 - 1,), (None,)]


def test_an_insert_that_the_table_refuses_is_an_error(client: Client, table: str) -> None:
    data = rows(200_000)
    with pytest.raises(DatabaseError, match="max_partitions_per_insert_block"):
        client.insert(
            table,
            data,
            column_names=COLUMNS,
            column_oriented=True,
            settings={"max_partitions_per_insert_block": 10},
        )
    client.insert(
        table,
        data,
        column_names=COLUMNS,
        column_oriented=True,
        settings={"max_partitions_per_insert_block": 0},
    )
    assert client.command(f"SELECT count() FROM {table}") == 200_000


def test_an_insert_that_a_view_refuses_is_an_error(client: Client, table: str) -> None:
    client.command("CREATE TABLE seen (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.command(f"CREATE MATERIALIZED VIEW see TO seen AS SELECT n + throwIf(n = 13) AS n FROM {table}")
    try:
        with pytest.raises(DatabaseError, match="FUNCTION_THROW_IF"):
            client.insert(table, [[12, 13]], column_names=["n"], column_oriented=True)
    finally:
        client.command("DROP TABLE see")
        client.command("DROP TABLE seen")


def test_errors_are_worded_as_by_clickhouse(server: ClickHouseProcess, client: Client) -> None:
    status, body, headers = call(server, b"SELECT * FROM nowhere")
    assert status == 404
    assert body.startswith(b"Code: 60. DB::Exception: ")
    assert b"(UNKNOWN_TABLE) (version " in body
    assert headers["X-ClickHouse-Exception-Code"] == "60"
    assert call(server, b"SELEC 1")[0] == 400
    assert call(server, b"SELECT 1", max_threads="many")[0] == 400
    assert call(server, b"SELECT 1", nonsense="1")[2]["X-ClickHouse-Exception-Code"] == "115"
    assert call(server, b"SELECT 1; SELECT 2")[0] == 400
    assert call(server, b"")[0] == 400
    assert (
        call(server, query="CREATE TABLE x (n UInt8) ENGINE = Memory")[2]["X-ClickHouse-Exception-Code"]
        == "164"
    )
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as caught:
        client.query("SELECT * FROM nowhere")
    assert caught.value.code == 60
    assert call(server, b"SELECT 1")[1] == b"1\n"


def test_an_error_behind_rows_already_sent_is_not_taken_for_the_end(
    server: ClickHouseProcess, client: Client
) -> None:
    query = "SELECT number + throwIf(number = 2000000) FROM numbers(3000000)"
    with pytest.raises(http.client.IncompleteRead):
        call(server, query.encode())
    with pytest.raises(Exception, match="throwIf"):
        _ = client.query(query).result_rows


def test_settings_and_database_hold_for_one_request(server: ClickHouseProcess) -> None:
    assert call(server, b"SELECT getSetting('max_threads')", max_threads="3")[1] == b"3\n"
    assert call(server, b"SELECT getSetting('max_threads')")[1] != b"3\n"
    assert call(server, b"SET max_threads = 3")[0] == 200
    assert call(server, b"SELECT currentDatabase()", database="system")[1] == b"system\n"
    assert call(server, b"SELECT currentDatabase()")[1] == b"default\n"
    assert call(server, b"SELECT 1", database="nowhere")[2]["X-ClickHouse-Exception-Code"] == "81"


def test_parameters_formats_and_headers(server: ClickHouseProcess) -> None:
    status, body, headers = call(
        server, b"SELECT {s:String} AS s, {n:UInt8} AS n", param_s="a\\tb'c", param_n="7", query_id="q-1",
        default_format="JSONEachRow",
    )  # fmt: skip
    assert (status, body) == (200, b'{"s":"a\\tb\'c","n":7}\n')
    assert headers["X-ClickHouse-Query-Id"] == "q-1"
    assert headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert "X-ClickHouse-Summary" in headers
    assert call(server, query="SELECT 1 AS x FORMAT CSVWithNames")[1] == b'"x"\n1\n'
    assert call(server, b"SELECT 1 AS x FORMAT JSONCompact -- end")[1].startswith(b"{")
    assert call(server, b" x", query="SELECT 1 AS")[1] == b"1\n"


def test_insert_data_in_any_place(server: ClickHouseProcess, client: Client, table: str) -> None:
    assert call(server, b"INSERT INTO kinds (n, l) FORMAT TSV\n1\tFORMAT\n2\ta;b\n")[0] == 200
    assert call(server, b'{"n": 3}\n{"n": 4}', query="INSERT INTO kinds FORMAT JSONEachRow")[0] == 200
    assert call(server, b"INSERT INTO kinds (n, l) VALUES (5, 'x; FORMAT y')")[0] == 200
    assert call(server, b"(6)", query="INSERT INTO kinds (n) VALUES")[0] == 200
    assert call(server, b"INSERT INTO kinds (n) SETTINGS async_insert = 0 FORMAT CSV\n7\n")[0] == 200
    assert call(server, b"INSERT INTO kinds (n) SELECT 8")[0] == 200
    packed = gzip.compress(b"9\n")
    deflated = {"Content-Encoding": "deflate"}
    assert call(server, zlib.compress(b"10\n"), deflated, query="INSERT INTO kinds (n) FORMAT TSV")[0] == 200
    options = {"query": "INSERT INTO kinds (n) FORMAT TSV"}
    assert call(server, packed, {"Content-Encoding": "gzip"}, **options)[0] == 200
    assert call(server, packed, {"Content-Encoding": "zstd"}, **options)[0] == 500
    texts = {1: "FORMAT", 2: "a;b", 5: "x; FORMAT y"}
    expected = [(n, texts.get(n, "")) for n in range(1, 11)]
    assert client.query("SELECT n, l FROM kinds ORDER BY n").result_rows == expected


def test_an_insert_that_selects_from_its_data(server: ClickHouseProcess, client: Client, table: str) -> None:
    taken = {"query": "INSERT INTO kinds (n, l) SELECT a + 1, b FROM input('a Int64, b String') FORMAT TSV"}
    status, _, headers = call(server, b"1\tFORMAT TSV\n2\tinput(\n", **taken)
    assert status == 200
    assert '"written_rows":"2"' in headers["X-ClickHouse-Summary"]
    assert client.query("SELECT n, l FROM kinds ORDER BY n").result_rows == [(2, "FORMAT TSV"), (3, "input(")]
    schema = (
        b'{"type":"record","name":"r","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}'
    )
    sync = b"0123456789abcdef"
    # An Avro container: map of one entry, sync marker, one block of two records.
    container = b"Obj\x01\x02\x16avro.schema" + bytes([len(schema) * 2 & 127 | 128, len(schema) * 2 >> 7])
    container += schema + b"\x00" + sync + b"\x04\x0c\x08\x02x\x0a\x02y" + sync
    taken = {"query": "INSERT INTO kinds (n, l) SELECT a, b FROM input('a Int64, b String') FORMAT Avro"}
    assert call(server, container, **taken)[0] == 200
    assert client.query("SELECT n, l FROM kinds WHERE n > 3 ORDER BY n").result_rows == [(4, "x"), (5, "y")]
    assert call(server, container[:-20], **taken)[2]["X-ClickHouse-Exception-Code"] != "0"
    refusing = {"query": taken["query"].replace("SELECT a", "SELECT a + throwIf(b != unhex('ff'))")}
    _, body, headers = call(server, container, **refusing)
    assert headers["X-ClickHouse-Exception-Code"] == "395", body
    assert client.command("SELECT count() FROM kinds") == 4


def test_large_results_come_in_chunks(server: ClickHouseProcess) -> None:
    body = b"SELECT number FROM numbers(3000000)"
    status, plain, headers = call(server, body)
    assert (status, headers["Transfer-Encoding"]) == (200, "chunked")
    assert plain.endswith(b"\n2999999\n")
    assert plain.count(b"\n") == 3_000_000
    _, packed, headers = call(
        server, body, {"Accept-Encoding": "br, zstd, gzip"}, enable_http_compression="1"
    )
    assert headers["Content-Encoding"] == "zstd"
    assert bytes(cramjam.zstd.decompress(packed)) == plain


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(server: ClickHouseProcess) -> None:
    def curl(*arguments: str, data: str | None = None) -> str:
        login = f"{WRITER}:{server.logins.writer}"
        argv = ["curl", "-sS", "--max-time", "30", "-u", login, *arguments]
        return subprocess.run(argv, input=data, capture_output=True, text=True, check=True).stdout

    assert curl(f"{server.url}/ping") == "Ok.\n"
    assert curl(server.url) == "Ok.\n"
    assert curl(f"{server.url}/?query=SELECT%201") == "1\n"
    assert curl(server.url, "-d", "SELECT 'a' FORMAT TSV") == "a\n"
    assert curl(server.url, "--data-binary", "@-", data="SELECT count() FROM numbers(10)") == "10\n"
    assert curl(server.url, "-H", "Transfer-Encoding: chunked", "-d", "@-", data="SELECT 3") == "3\n"
    assert curl("--compressed", f"{server.url}/?query=SELECT%202&enable_http_compression=1") == "2\n"


def test_a_long_query_holds_nobody_up(server: ClickHouseProcess, client: Client, table: str) -> None:
    slow = (
        "SELECT sum(sleepEachRow(0.01)) FROM numbers(300) "
        "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0"
    )
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(call(server, slow.encode())[1]))
    thread.start()
    counts: list[int] = []
    meanwhile: list[bool] = []

    def write(number: int) -> None:
        own = server.client()
        for n in range(10):
            own.insert(table, [[number * 100 + n]], column_names=["n"], column_oriented=True)
            meanwhile.append(thread.is_alive())
        counts.append(own.command(f"SELECT count() FROM {table} WHERE intDiv(n, 100) = {number}"))
        own.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    # However slow the machine: a server that answers one at a time would let none in before the query's end.
    assert any(meanwhile)
    assert counts == [10] * 6
    thread.join()
    assert answers == [b"0\n"]


def test_rows_survive_a_kill_and_a_stop(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ClickHouseProcess(tmp_path_factory.mktemp("killed")) as server:
        call(server, b"CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
        for number, sent in enumerate((signal.SIGKILL, signal.SIGTERM)):
            assert call(server, b"INSERT INTO kept FORMAT TSV\n%d\n" % number)[0] == 200
            assert server.stop(sent) == (0 if sent == signal.SIGTERM else -sent)
            server.restart()
            assert call(server, b"SELECT count() FROM kept")[1] == b"%d\n" % (number + 1)


def test_only_loopback_listens(server: ClickHouseProcess) -> None:
    listening = [
        connection.laddr
        for connection in psutil.Process(server.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    addresses = [f"{address.ip}:{address.port}" for address in listening]
    assert addresses == [f"127.0.0.1:{server.port}"]
