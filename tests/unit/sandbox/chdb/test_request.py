"""What the local ClickHouse server reads off a request, before the engine sees it."""

from __future__ import annotations

import cramjam
import pytest

from sandbox.chdb.codecs import TooLong, UnknownEncoding, chosen, decode, encoded
from sandbox.chdb.failures import Failure, failure
from sandbox.chdb.request import read
from sandbox.chdb.statement import parse


@pytest.mark.parametrize(
    ("text", "sql", "name", "data"),
    [
        (b"INSERT INTO t FORMAT TSV\n1\n", "INSERT INTO t ", "TSV", b"1\n"),
        (b"INSERT INTO t(a,`b c`) FORMAT Native\n\x00\xff", "INSERT INTO t(a,`b c`) ", "Native", b"\x00\xff"),
        (b"insert into t (format) format  CSV  \r\n\n1", "insert into t (format) ", "CSV", b"\n1"),
        (b"/* FORMAT x */ INSERT INTO t FORMAT JSON {}", "/* FORMAT x */ INSERT INTO t ", "JSON", b"{}"),
        (b"INSERT INTO t FORMAT TSV", "INSERT INTO t ", "TSV", b""),
    ],
)  # fmt: skip
def test_an_insert_s_data_starts_behind_its_format(text: bytes, sql: str, name: str, data: bytes) -> None:
    found = parse(text)
    assert (found.verb, found.sql, found.format) == ("INSERT", sql, name)
    assert found.data_at is not None
    assert text[found.data_at :] == data


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t VALUES (1, 'FORMAT x')",
        b"INSERT INTO t SELECT 1",
        b"INSERT INTO t WITH 1 AS x SELECT x",
    ],
)
def test_other_inserts_are_run_as_they_are(text: bytes) -> None:
    found = parse(text)
    assert (found.sql, found.data_at, found.several) == (text.decode(), None, False)


@pytest.mark.parametrize(
    ("text", "sql", "data"),
    [
        (
            b"INSERT INTO t (a) SELECT b FROM input('b Int8, c String') FORMAT Avro\nObj\x01",
            "INSERT INTO t (a) SELECT b FROM input('b Int8, c String') ",
            b"Obj\x01",
        ),
        (
            b"INSERT INTO t WITH x AS (SELECT '\xc3\xa9', b FROM Input ('b Int8')) SELECT b FORMAT TSV 1",
            "INSERT INTO t WITH x AS (SELECT '\xe9', b FROM Input ('b Int8')) SELECT b ",
            b"1",
        ),
    ],
)
def test_the_data_of_an_insert_from_input(text: bytes, sql: str, data: bytes) -> None:
    found = parse(text)
    assert found.sql == sql
    assert found.data_at is not None
    assert found.input_at is not None
    name, arguments = found.input_at
    assert found.sql[name:arguments].lower().replace(" ", "") == "input("
    assert found.sql[arguments:].startswith("'b Int8")
    assert text[found.data_at :] == data


def test_only_a_function_of_a_select_is_input() -> None:
    for text in (b"INSERT INTO input (a) FORMAT TSV\n1", b"INSERT INTO t SELECT input FROM s FORMAT TSV"):
        assert parse(text).input_at is None
    assert parse(b"INSERT INTO t SELECT 'input(x)' FORMAT TSV").data_at is None
    with pytest.raises(Failure, match="FORMAT must be specified"):
        read("/?query=INSERT+INTO+t+SELECT+*+FROM+input('a+Int8')", {}.get, b"", readonly=False)


def test_where_settings_of_an_insert_start() -> None:
    found = parse(b"INSERT INTO settings (settings) SETTINGS async_insert=0 FORMAT TSV\n1\n")
    assert found.sql[found.settings_at :] == "SETTINGS async_insert=0 "
    plain = parse(b"INSERT INTO t FORMAT TSV\n1\n")
    assert plain.settings_at == len(plain.sql)


def test_queries() -> None:
    assert parse(b"SELECT 1 FORMAT JSON").format == "JSON"
    assert parse(b"SELECT ';' AS x; -- end").several is False
    assert parse(b"SELECT ';' AS x; -- end").sql == "SELECT ';' AS x"
    assert parse(b"SELECT 1; SELECT 2").several is True
    assert parse(b" -- nothing").verb == ""
    assert parse(b"WITH 1 AS x SELECT x").streams
    assert not parse(b"SHOW TABLES").streams


def test_options_are_settings_parameters_or_transport() -> None:
    asked = read(
        "/?database=d&query_id=q&max_threads=2&param_x=1&wait_end_of_query=1&query=SELECT+%7Bx:UInt8%7D",
        {}.get, b"", readonly=True,
    )  # fmt: skip
    assert asked.request.statement.sql == "SELECT {x:UInt8}"
    assert asked.request.settings == {"max_threads": "2"}
    assert asked.request.parameters == {"x": "1"}
    assert (asked.request.database, asked.query_id, asked.request.readonly) == ("d", "q", True)


def test_a_form_carries_query_and_parameters() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {x:String}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="param_x"\r\n\r\n\xc3\xa9\r\n--b--\r\n'
    )
    asked = read("/", {"Content-Type": "multipart/form-data; boundary=b"}.get, body, readonly=False)
    assert asked.request.statement.sql == "SELECT {x:String}"
    assert asked.request.parameters == {"x": "é"}


def test_encodings() -> None:
    assert chosen("br, zstd;q=0.5, gzip") == "zstd"
    assert chosen("gzip;q=0, identity") == ""
    for name in ("lz4", "zstd", "gzip", "deflate"):
        packed = b"".join(encoded([b"a" * 5000, b"", b"b"], name))
        assert decode(packed, name, 5001) == b"a" * 5000 + b"b"
    assert decode(b"x", "", 1) == b"x"
    with pytest.raises(UnknownEncoding):
        decode(b"x", "snappy", 99)


ENCODINGS = ("lz4", "zstd", "br", "gzip", "x-gzip", "deflate")


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("spoil", [0, 1, 2], ids=["other", "cut", "empty"])
def test_a_body_that_is_not_of_its_encoding(name: str, spoil: int) -> None:
    bad = (b"x" * 50, packed(b"some text" * 99, name)[:-3], b"")[spoil]
    with pytest.raises(ValueError, match=f"not {name}"):
        decode(bad, name, 1 << 20)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_body_unpacks_to_its_limit_and_no_further(name: str) -> None:
    """Some hundred bytes stand for megabytes: what is refused is not unpacked first."""
    body = packed(bytes(1 << 20), name)
    assert len(body) < 1 << 13
    assert decode(body, name, 1 << 20) == bytes(1 << 20)
    with pytest.raises(TooLong):
        decode(body, name, (1 << 20) - 1)


def packed(data: bytes, name: str) -> bytes:
    module = {"x-gzip": "gzip", "deflate": "zlib", "br": "brotli"}.get(name, name)
    return bytes(getattr(cramjam, module).compress(data))


def test_failures_are_worded_and_ranked_as_by_the_server() -> None:
    found = failure("Streaming query failed: Code: 60. DB::Exception: no t. (UNKNOWN_TABLE)", "26.9")
    assert found.text == "Code: 60. DB::Exception: no t. (UNKNOWN_TABLE) (version 26.9 (official build))"
    assert (found.code, found.status) == (60, 404)
    assert failure("Code: 241. DB::Exception: x. (MEMORY_LIMIT_EXCEEDED)", "26.9").status == 500
    assert failure("something else", "26.9").code == 1002
