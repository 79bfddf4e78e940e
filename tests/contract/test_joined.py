"""Messages that ClickHouse decodes itself give the rows and the dead letters that the reader here gives."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from connectors.clickhouse.migrations.template import Target, render
from connectors.clickhouse.sink.avro.joined import Joined
from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.routes import ROUTES
from connectors.clickhouse.sink.rows import AvroRows
from connectors.clickhouse.sink.table import RawClient, open_table
from connectors.clickhouse.sink.writer import Writer
from headwater.retry import Retry
from schemas import codec_for, frame, schema_of
from schemas.codec.model import Array, Enum, Fixed, Node, Primitive, Record, Union
from schemas.unsigned import UNSIGNED
from tests.builders.avro import codec_of
from tests.contract.clickhouse_process import ClickHouseProcess
from tests.fakes.sink import FakeDeadLetters, messages

pytestmark = pytest.mark.integration

JOINED = {route.stream: route.table for route in ROUTES if route.joined}
HEAD = frame(7)
ODD_NUMBERS = ("-1", "", "1_0", "+7", "0" * 90, str(2**256), " 1", "x")
# What ClickHouse takes and the reader here refuses; no writer writes any of it.
EXCEPTIONS = (
    "union has no branch",  # taken for null
    "holds other than that",  # the size of an array's block is not held against what stands in it
    "integer of more than 64 bits",  # the bits above are dropped
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as server:
        client = server.client(compress=False)
        client.command("CREATE DATABASE headwater")
        first = resources.files("connectors.clickhouse.migrations")
        for name in ("0001_tables.sql", "0008_statistics.sql"):
            for each in render(first.joinpath(name).read_text(), Target("headwater")):
                if re.search(rf"CREATE TABLE IF NOT EXISTS headwater\.({'|'.join(JOINED.values())})\s", each):
                    client.command(each)
        for table in JOINED.values():
            for way in ("read", "joined"):
                client.command(f"CREATE TABLE headwater.{table}_{way} AS headwater.{table} ENGINE = Memory")
        yield client
        client.close()


class Way:
    """A writer into a table of its own, and what became of the messages that it was given."""

    def __init__(self, client: Client, stream: str, table: str, *, joined: bool, schema: Any = None) -> None:
        schema = schema or schema_of(stream)
        self.letters = FakeDeadLetters()
        self._client = client
        reader = AvroRows(stream, lambda _: schema)
        self._table = opened = open_table(cast(RawClient, client), "headwater", table, reader.names)
        self.direct = direct = Joined(stream, lambda _: schema, opened, least_rows=1) if joined else None
        self.columns = opened.columns
        self._writer = Writer(
            reader, opened, self.letters, BadRowLimit(stream, 1.0), Retry(attempts=1), "chain", direct
        )

    def write(self, values: Sequence[bytes]) -> tuple[list[str], list[tuple[int, str]]]:
        """The rows, and the place and the fault of each dead letter."""
        self.letters.sent.clear()
        self._client.command(f"TRUNCATE TABLE {self._table.full_name}")
        self._writer.write(messages(*values))
        return self.rows(), [(bad.message.offset(), str(bad.error)) for bad in self.letters.sent]

    def rows(self) -> list[str]:
        """The rows of its table."""
        names = ", ".join(self._table.columns)
        found = self._client.query(
            f"SELECT toString(tuple({names})) FROM {self._table.full_name}"
        ).result_rows
        return sorted(str(row) for (row,) in found)


@pytest.fixture(scope="module")
def ways(client: Client) -> Mapping[str, tuple[Way, Way]]:
    """Of each stream: the way through the reader, and the way as they come."""
    return {
        stream: (
            Way(client, stream, f"{table}_read", joined=False),
            Way(client, stream, f"{table}_joined", joined=True),
        )
        for stream, table in JOINED.items()
    }


def plausible(node: Node, name: str, kind: str, drawn: random.Random, share: float = 0.02) -> object:
    """A value that the field's column holds, mostly."""
    odd = drawn.random() < share
    match node:
        case Union() if node.optional is not None:
            return None if drawn.random() < 0.3 else plausible(node.optional[1], name, kind, drawn, share)
        case Primitive("long", logical) if logical:
            return drawn.choice((0, -2_208_988_800_000, 10_413_791_999_999, 1_689_300_000_000)) + odd
        case Primitive("long" | "int" as size):
            most = 255 if "UInt8" in kind else 2**31 - 1 if size == "int" else 2**63 - 1
            unsigned = size == "long" and name in UNSIGNED and drawn.random() < 0.3
            return -1 - drawn.randrange(9) if odd or unsigned else drawn.choice((0, 1, most))
        case Primitive("string") if "UInt256" in kind:
            return drawn.choice(ODD_NUMBERS if odd else ("0", "7", str(2**256 - 1), "9" * 77))
        case Primitive("string"):
            return drawn.choice(("", "é", "'\\", "text" * 40))
        case Primitive("bytes"):
            return drawn.randbytes(drawn.choice((0, 1, 70)))
        case Primitive("boolean"):
            return drawn.random() < 0.5
        case Primitive("double"):
            return drawn.choice((0.0, 1.5, -1e300))
        case Fixed(_, size):
            return drawn.randbytes(size)
        case Enum(_, symbols, _):
            return drawn.choice(symbols)
        case Array(items):
            return [plausible(items, name, kind, drawn, share) for _ in range(drawn.choice((0, 0, 1, 3)))]
        case Record():
            return {each.name: plausible(each.type, each.name, kind, drawn, share) for each in node.fields}
    raise AssertionError(node)


def value(stream: str, columns: Mapping[str, str], drawn: random.Random, share: float = 0.02) -> bytes:
    codec = codec_for(stream)
    return HEAD + codec.write(
        {
            each.name: plausible(each.type, each.name, columns[each.name], drawn, share)
            for each in codec.record.fields
        }
    )


def mutated(whole: bytes, drawn: random.Random) -> bytes:
    at = drawn.randrange(5, len(whole))
    match drawn.randrange(6):
        case 0:
            return whole[:at]
        case 1:
            return whole + drawn.randbytes(drawn.randrange(1, 9))
        case 2:
            return whole + whole[5:]
        case 3:
            return whole + whole
        case 4:
            return whole[:at] + bytes((drawn.randrange(256),)) + whole[at + 1 :]
        case _:
            return whole[:at] + whole[at + 1 :]


@pytest.mark.parametrize("stream", sorted(JOINED))
def test_what_columns_can_hold_goes_in_whole(ways: Mapping[str, tuple[Way, Way]], stream: str) -> None:
    read, joined = ways[stream]
    drawn = random.Random(1)
    values = [value(stream, read.columns, drawn, share=0) for _ in range(50)]
    expected, letters = read.write(values)
    assert letters == []
    joined.write([])
    assert joined.direct is not None
    # Not through the writer, which would read them after a refusal.
    joined.direct.insert(messages(*values))
    assert joined.rows() == expected


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(stream=st.sampled_from(sorted(JOINED)), seed=st.integers(0, 2**32))
def test_rows_and_dead_letters_are_the_reader_s(
    ways: Mapping[str, tuple[Way, Way]], stream: str, seed: int
) -> None:
    read, joined = ways[stream]
    drawn = random.Random(seed)
    values = [value(stream, read.columns, drawn) for _ in range(4)]
    if seed % 4:
        at = drawn.randrange(len(values))
        values[at] = mutated(values[at], drawn)
    expected = read.write(values)
    assume(not any(each in error for _, error in expected[1] for each in EXCEPTIONS))
    assert joined.write(values) == expected


def test_messages_of_another_version_give_the_rows_of_ours(client: Client) -> None:
    """A writer without two of our fields, with one that we do not have and with a symbol new to us."""
    theirs: Any = schema_of("token-transfers")
    (standard,) = [each["type"] for each in theirs["fields"] if each["name"] == "token_standard"]
    standard["symbols"].append("ERC9999")
    theirs["fields"] = [each for each in theirs["fields"] if each["name"] not in ("operator", "amount")]
    new = {"type": "enum", "name": "New", "symbols": ["ONE", "TWO"]}
    theirs["fields"].insert(9, {"name": "new", "type": ["null", new], "default": None})
    record = {
        each.name: plausible(each.type, each.name, "UInt256", random.Random(3), share=0)
        for each in codec_for("token-transfers").record.fields
    }
    codec = codec_of(theirs)
    values = [
        HEAD + codec.write(record | {"token_standard": symbol, "new": added})
        for symbol, added in (("ERC20", None), ("ERC9999", "TWO"), ("UNKNOWN", "ONE"))
    ]
    read = Way(client, "token-transfers", "token_transfers_read", joined=False, schema=theirs)
    joined = Way(client, "token-transfers", "token_transfers_joined", joined=True, schema=theirs)
    expected = read.write(values)
    assert expected[1] == []
    joined.write([])
    assert joined.direct is not None
    joined.direct.insert(messages(*values))
    assert joined.rows() == expected[0]
