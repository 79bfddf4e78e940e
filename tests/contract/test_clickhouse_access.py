"""Who may ask the local ClickHouse server, and how far its reader gets, on the engine itself."""

from __future__ import annotations

import base64
import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from sandbox.chdb.logins import READER, WRITER
from sandbox.stack.endpoints import CURL, Endpoints, write
from tests.builders.clickhouse import basic
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        client = process.client()
        client.command("CREATE DATABASE shop")
        client.command("CREATE TABLE shop.t (n UInt64, input String) ENGINE = MergeTree ORDER BY n")
        client.command("INSERT INTO shop.t SELECT number, 'x' FROM numbers(10)")
        client.close()
        yield process


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("hunter2,hunter2\n")
    return path


def ask(
    server: ClickHouseProcess,
    path: str = "/",
    body: bytes | None = None,
    *,
    method: str = "POST",
    user: str | None = None,
    **headers: str,
) -> tuple[int, str]:
    password = {WRITER: server.logins.writer, READER: server.logins.reader}.get(user or "", "")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if user is not None:
        named |= basic(user, password)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def read(server: ClickHouseProcess, statement: str, **options: str) -> tuple[int, str]:
    """What the reader is answered."""
    return ask(server, f"/?{urlencode(options)}", statement.encode(), user=READER)


def test_nothing_but_the_ping_is_answered_without_a_login(server: ClickHouseProcess) -> None:
    assert ask(server, "/ping", method="GET") == (200, "Ok.\n")
    for status, text in (
        ask(server, f"/?query={quote('SELECT 1')}", method="GET"),
        ask(server, body=b"SELECT 1"),
        ask(server, body=b"SELECT 1", user="default"),
        ask(server, "/?user=headwater&password=wrong", b"SELECT 1"),
    ):
        assert status in (401, 403)
        assert "Authentication failed" in text
    assert ask(server, body=b"SELECT 1", user=WRITER) == (200, "1\n")
    assert ask(server, body=b"SELECT 1", user=READER) == (200, "1\n")


def test_a_page_of_another_origin_gets_nothing_even_with_a_login(server: ClickHouseProcess) -> None:
    passwd = b"SELECT * FROM file('/etc/passwd', 'LineAsString')"
    assert ask(server, body=passwd, user=WRITER, Origin="https://evil.example")[0] == 403
    assert ask(server, body=passwd, user=WRITER, Origin="null")[0] == 403
    assert ask(server, body=passwd, user=WRITER, Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(server, body=passwd, user=WRITER, Host=f"evil.example:{server.port}")[0] == 421
    assert ask(server, "/ping", method="GET", Host=f"evil.example:{server.port}")[0] == 421
    assert ask(server, "/", method="OPTIONS", Origin="https://evil.example")[0] == 403
    own = f"http://localhost:{server.port}"
    assert ask(server, body=b"SELECT 1", user=WRITER, Origin=own)[0] == 200


def raw(server: ClickHouseProcess, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: \xb2",
        b"Content-Length: " + b"9" * 5_000,
        b"Content-Length: -1",
        b"Content-Length: 99999999999999",
        b"Content-Length: 1\r\nContent-Length: 2",
        b"Transfer-Encoding: chunked\r\n\r\n_1\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda lines: lines[:40].decode("latin-1"),
)
def test_lengths_of_hostile_size_or_alphabet_are_bad_requests(
    server: ClickHouseProcess, lines: bytes
) -> None:
    token = base64.b64encode(f"{WRITER}:{server.logins.writer}".encode())
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Basic %b\r\n" % (server.port, token)
    answer = raw(server, head + lines + b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 411", b"HTTP/1.1 413"))
    assert b"Connection: close" in answer


def test_a_refused_body_is_not_taken_for_the_next_request(server: ClickHouseProcess) -> None:
    inner = b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port
    head = b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n"
    for host in (b"127.0.0.1:%d" % server.port, b"evil.example"):
        answer = raw(server, head % (host, len(inner)) + inner)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Ok." not in answer


def test_the_reader_reads_tables_with_any_client(server: ClickHouseProcess) -> None:
    assert read(server, "SELECT sum(n), any(input) FROM shop.t FORMAT TSV") == (200, "45\tx\n")
    assert read(server, "SELECT count() FROM t", database="shop") == (200, "10\n")
    assert read(server, "SELECT {s:String}", param_s="a") == (200, "a\n")
    assert read(server, "/* c */ SELECT $x$it's \\\\ a\ttab$x$ -- end") == (200, "it\\'s \\\\\\\\ a\\ttab\n")
    assert (
        read(server, "SELECT 7 AS n FORMAT JSONEachRow", output_format_json_quote_64bit_integers="0")[0]
        == 200
    )
    assert "t\n" in read(server, "SHOW TABLES FROM shop")[1]
    assert read(server, "SELECT n FROM shop.t LIMIT 1", default_format="CSV") == (200, "0\n")
    client = server.client(username=READER, password=server.logins.reader)
    assert client.query("SELECT max(n) FROM shop.t").result_rows == [(9,)]
    assert client.raw_query("SELECT 1", fmt="TSV") == b"1\n"
    with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
        client.command("INSERT INTO shop.t VALUES (1, '')")
    client.close()


@pytest.mark.parametrize(
    "form",
    [
        "SELECT file('{path}')",
        "SELECT `file`('{path}')",
        "SELECT /**/ fi\\x6ce('{path}')",
        "SELECT arrayMap(file, ['{path}'])",
        "WITH file AS f SELECT f('{path}')",
        "SELECT * FROM file('{path}')",
        "DESCRIBE TABLE file('{path}')",
        "SELECT * FROM '{path}'",
        "SELECT * FROM `{path}`",
        'SELECT * FROM "{path}"',
        "DESCRIBE TABLE `{path}`",
        "SELECT * FROM default.`{path}`",
        "DESCRIBE TABLE default.`{path}`",
        "SELECT * FROM {{t:Identifier}}",
        "SELECT * FROM fileCluster('c', '{path}')",
        "SELECT * FROM url('http://127.0.0.1:{port}/ping', 'LineAsString')",
        "DESCRIBE TABLE url('http://127.0.0.1:{port}/ping')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM remoteSecure('127.0.0.1', system.one)",
        "SELECT * FROM s3('http://127.0.0.1:{port}/b/k', 'CSV')",
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "SELECT * FROM Python(x)",
        "SELECT * FROM merge('default', '.*')",
        "SELECT * FROM sqlite('{path}', 't')",
        "INSERT INTO FUNCTION file('{path}.new', 'CSV') SELECT 1",
        "INSERT INTO FUNCTION url('http://127.0.0.1:{port}/', 'CSV') SELECT 1",
        "INSERT INTO shop.t SELECT 1, 'x'",
        "INSERT INTO shop.t FORMAT TSV\n1\tx\n",
        "SELECT 'x' INTO OUTFILE '{path}.new'",
        "SELECT 'x' INTO OUTFILE '{path}.new' TRUNCATE",
        "EXPLAIN SELECT 'x' INTO OUTFILE '{path}.new'",
        "EXPLAIN AST SELECT 'x' INTO OUTFILE '{path}.new'",
        "SHOW TABLES INTO OUTFILE '{path}.new'",
        "CREATE TABLE shop.f (a String) ENGINE = File(CSV, '{path}')",
        "CREATE TEMPORARY TABLE f (a String)",
        "DROP TABLE shop.t",
        "BACKUP DATABASE shop TO File('{path}.new')",
        "SYSTEM RELOAD CONFIG",
        "KILL QUERY WHERE 1",
        "SET readonly = 0",
        "USE default",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT * FROM {{u:Identifier}}.`{path}`",
        "SELECT hasColumnInTable('default', '{path}', 'hunter2')",
        "SELECT joinGet('default.{path}', 'hunter2', 1)",
        "SELECT joinGetOrNull('default.{path}', 'hunter2', 1)",
        "SELECT AIGenerate('x')",
    ],
)
def test_the_reader_gets_no_file_and_reaches_no_host(
    server: ClickHouseProcess, secret: Path, form: str
) -> None:
    statement = form.format(path=secret, port=server.port)
    options = {"param_t": str(secret), "param_u": "default"} if "Identifier" in form else {}
    for database in ({}, {"database": "default"}, {"database": "shop"}):
        status, text = read(server, statement, **options, **database)
        assert status >= 400, text
        assert "hunter2" not in text.replace(str(secret), "")
    assert not Path(f"{secret}.new").exists()
    assert ask(server, body=b"SELECT count() FROM shop.t", user=WRITER) == (200, "10\n")


@pytest.mark.parametrize(
    "form", ["EXISTS TABLE `{path}`", "DESCRIBE TABLE `{path}`", "SELECT * FROM `{path}`"]
)
@pytest.mark.parametrize("name", ["defa\\x75lt", "\\default", "default ", "`default`"])
def test_no_spelling_leads_to_the_files_database(
    server: ClickHouseProcess, secret: Path, form: str, name: str
) -> None:
    for options, headers in (({"database": name}, {}), ({}, {"X_ClickHouse_Database": name})):
        status, text = ask(
            server, f"/?{urlencode(options)}", form.format(path=secret).encode(), user=READER, **headers
        )
        assert (status, "UNKNOWN_DATABASE" in text) == (404, True), text


def test_a_database_of_any_name_is_the_one_that_is_meant(server: ClickHouseProcess) -> None:
    name = "defa\\x75lt"
    assert ask(server, body=b"CREATE DATABASE `defa\\\\x75lt`", user=WRITER)[0] == 200
    for user in (READER, WRITER):
        path = f"/?{urlencode({'database': name})}"
        assert ask(server, path, b"SELECT length(currentDatabase())", user=user) == (200, "10\n")
    assert ask(server, body=b"DROP DATABASE `defa\\\\x75lt`", user=WRITER)[0] == 200


def test_the_readers_limits_hold(server: ClickHouseProcess) -> None:
    # The first rows are on their way when the limit is reached: the answer breaks off.
    with pytest.raises(http.client.IncompleteRead):
        read(server, "SELECT number FROM numbers(2000000)")
    assert "TOO_MANY_ROWS" in read(server, "SELECT number FROM numbers(2000000) FORMAT JSONCompact")[1]
    assert "MEMORY_LIMIT" in read(server, "SELECT length(groupArray(number)) FROM numbers(2000000000)")[1]
    assert read(server, "SELECT 1", max_execution_time="0")[0] >= 400
    assert read(server, "SELECT 1", readonly="0")[0] >= 400
    assert read(server, "SELECT 1", format_schema="/etc/passwd:x")[0] >= 400
    assert read(server, "SELECT '" + "x" * (1 << 20) + "'")[0] == 413
    packed = ask(server, body=b"x", user=READER, Content_Encoding="gzip")
    assert packed[0] >= 400
    assert read(server, "SELECT getSetting('max_execution_time')") == (200, "60\n")


def test_who_sends_on_after_a_refusal_reads_why(server: ClickHouseProcess) -> None:
    token = base64.b64encode(f"{READER}:{server.logins.reader}".encode())
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Basic %b\r\n" % (server.port, token)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sender:
        sender.sendall(head + b"Content-Length: %d\r\n\r\n" % (8 << 20))
        answer = sender.recv(8)
        for _ in range(8):
            sender.sendall(bytes(1 << 20))
        while more := sender.recv(1 << 16):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"QUERY_IS_TOO_LARGE" in answer


def test_one_line_of_curl_asks_as_the_reader(server: ClickHouseProcess, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    write(
        tmp_path,
        Endpoints(
            "127.0.0.1:1", "http://127.0.0.1:2", server.url, "", clickhouse_reader=READER,
            clickhouse_reader_password=server.logins.reader,
        ),
    )  # fmt: skip
    argv = ["curl", "-sS", "-K", str(tmp_path / CURL), "-d", "SELECT count() FROM shop.t"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "10\n"
