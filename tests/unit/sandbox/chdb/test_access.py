"""Who may ask the local ClickHouse, and what the reader may ask it."""

from __future__ import annotations

import base64
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from headwater.errors import Fatal
from sandbox.chdb.access import Header, misdirected, user
from sandbox.chdb.engine import identifier
from sandbox.chdb.failures import Failure
from sandbox.chdb.logins import Logins, generate, kept
from sandbox.chdb.reading import LIMITS, allowed, allowed_settings, database

PORT = 8123
LOGINS = Logins("w" * 24, "r" * 24)
TABLE_FUNCTIONS = frozenset({"file", "url", "remote", "numbers", "input", "values", "python", "merge"})


def headers(*lines: tuple[str, str]) -> Header:
    def values(name: str) -> Sequence[str]:
        return [value for each, value in lines if each.lower() == name.lower()]

    return values


def basic(text: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123"])
def test_loopbacks_own_names_are_answered(host: str) -> None:
    assert misdirected("/?query=x", headers(("Host", host)), PORT) is None
    own_page = headers(("Host", host), ("Origin", f"http://{host}"), ("Sec-Fetch-Site", "same-origin"))
    assert misdirected("/", own_page, PORT) is None


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:81234", "evil.example:8123", "127.0.0.1.evil.example:8123",
     "user@127.0.0.1:8123", "0.0.0.0:8123", "127.0.0.1:8123, evil"],
)  # fmt: skip
def test_other_hosts_are_not(host: str) -> None:
    rejection = misdirected("/ping", headers(("Host", host)), PORT)
    assert rejection is not None
    assert rejection.status == 421


def test_no_host_two_hosts_and_whole_addresses_are_refused() -> None:
    own = ("Host", "127.0.0.1:8123")
    assert misdirected("/", headers(), PORT) is not None
    assert misdirected("/", headers(own, own), PORT) is not None
    assert misdirected("http://evil.example/", headers(own), PORT) is not None


@pytest.mark.parametrize(
    "line",
    [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", ""),
        ("Origin", "https://127.0.0.1:8123"),
        ("Origin", "http://127.0.0.1:8124"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ],
)
def test_pages_of_other_origins_are_refused(line: tuple[str, str]) -> None:
    rejection = misdirected("/", headers(("Host", "127.0.0.1:8123"), line), PORT)
    assert rejection is not None
    assert rejection.status == 403


def test_a_login_comes_in_any_of_clickhouses_ways() -> None:
    assert user(headers(basic(f"headwater:{LOGINS.writer}")), {}, LOGINS) == "headwater"
    key = headers(("X-ClickHouse-User", "reader"), ("X-ClickHouse-Key", LOGINS.reader))
    assert user(key, {}, LOGINS) == "reader"
    assert user(headers(), {"user": "reader", "password": LOGINS.reader}, LOGINS) == "reader"


@pytest.mark.parametrize(
    ("lines", "options", "code"),
    [
        ((), {}, 194),
        ((), {"user": "default"}, 516),
        ((), {"user": "reader", "password": LOGINS.writer}, 516),
        ((), {"user": "nobody", "password": LOGINS.writer}, 516),
        ((basic("headwater:"),), {}, 516),
        ((basic(f"headwater:{LOGINS.reader}"),), {}, 516),
        ((basic("headwater:²"),), {}, 516),
        ((("Authorization", "Basic %%%"),), {"user": "headwater", "password": LOGINS.writer}, 516),
        ((("Authorization", "Basic /w=="),), {}, 516),
        ((("Authorization", "Bearer x"),), {}, 194),
    ],
)
def test_any_other_login_is_refused(
    lines: tuple[tuple[str, str], ...], options: dict[str, str], code: int
) -> None:
    with pytest.raises(Failure) as raised:
        user(headers(*lines), options, LOGINS)
    assert raised.value.code == code
    assert raised.value.status == (401 if code == 194 else 403)


def test_logins_are_made_once_for_their_owners_eyes(tmp_path: Path) -> None:
    path = tmp_path / "stack" / "logins.json"
    made = kept(path)
    assert kept(path) == made != generate()
    assert len({made.writer, made.reader}) == 2
    assert min(len(made.writer), len(made.reader)) >= 20
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("[1]")
    with pytest.raises(Fatal, match="remove the file"):
        kept(path)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count() FROM canonical.blocks",
        "WITH 1 AS x SELECT x FROM numbers(10)",
        "SELECT input, values, url FROM ethereum_etl.transactions",
        "SELECT 'file(' AS x, 'INTO OUTFILE'",
        "SELECT format('{}', 1)",
        "SHOW TABLES FROM canonical",
        "DESCRIBE TABLE canonical.blocks",
        "EXPLAIN SELECT 1",
        "SELECT * FROM t WHERE n = {n:UInt64}",
    ],
)
def test_the_reader_may_ask_tables(statement: str) -> None:
    allowed(statement, TABLE_FUNCTIONS)


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO FUNCTION file('x') SELECT 1",
        "KILL QUERY WHERE 1",
        "SYSTEM SHUTDOWN",
        "SET readonly = 0",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT * APPLY file FROM t",
        "WITH x -> file(x) AS f SELECT f('/etc/passwd')",
        "SELECT * FROM url('http://evil.example/')",
        "SELECT * FROM remote('h', system.one)",
        "SELECT * FROM Python(x)",
        "DESCRIBE TABLE merge('default', '.*')",
        "SELECT * FROM default.`/etc/passwd`",
        "DESCRIBE TABLE `default`.`/etc/passwd`",
        "SELECT * FROM {t:Identifier}",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "EXPLAIN SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT aiGenerate('x')",
        "SELECT AIGenerate('x')",
        "SELECT hasColumnInTable('default', '/etc/passwd', 'x')",
        "SELECT hasColumnInTable('host', 'user', 'password', 'd', 't', 'x')",
        "SELECT arrayMap(`hasColumnInTable`, ['default'], ['/etc/passwd'], ['x'])",
        "SELECT joinGet('default./etc/passwd', 'x', 1)",
        "SELECT joinGetOrNull('default./etc/passwd', 'x', 1)",
    ],
)
def test_the_reader_may_not_reach_files_or_hosts(statement: str) -> None:
    with pytest.raises(Failure) as raised:
        allowed(statement, TABLE_FUNCTIONS)
    assert raised.value.status == 403


def test_the_readers_database_is_one_that_there_is_and_never_the_files_own() -> None:
    assert [database(asked, is_there=True) for asked in ("", "default", "shop")] == [
        "system",
        "system",
        "shop",
    ]
    assert database("", is_there=False) == "system"
    with pytest.raises(Failure, match=r"Database defa\\x75lt does not exist") as raised:
        database("defa\\x75lt", is_there=False)
    assert (raised.value.code, raised.value.status) == (81, 404)


def test_names_are_quoted_as_the_engine_reads_them_back() -> None:
    assert identifier("defa\\x75lt") == "`defa\\\\x75lt`"
    assert identifier("a`b\\") == "`a\\`b\\\\`"


def test_the_readers_limits_are_not_the_readers_to_change() -> None:
    allowed_settings({"output_format_json_quote_64bit_integers": "0"})
    for name in (*LIMITS, "readonly", "format_schema", "dialect"):
        with pytest.raises(Failure, match=name):
            allowed_settings({name: "0"})
