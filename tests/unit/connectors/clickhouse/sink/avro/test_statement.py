"""What ClickHouse is asked to make of messages of our schema and of others, and what it reads them from."""

from __future__ import annotations

import io
from copy import deepcopy
from typing import Any

import fastavro
import pytest

from connectors.clickhouse.sink.avro.casts import NotJoinable
from connectors.clickhouse.sink.avro.container import container
from connectors.clickhouse.sink.avro.statement import statement
from schemas import codec_for, frame, schema_of
from schemas.codec.model import Record, parse
from tests.builders.records import LOG

COLUMNS = {
    "chain_id": "UInt64",
    "block_timestamp": "DateTime64(3, 'UTC')",
    "removed": "Bool",
    "log_index": "UInt32",
    "topics": "Array(FixedString(32))",
    "extra": "Nullable(String)",
}
MARK = b"separate\x00\x00\x00\x00\x07"


def made(theirs: Any, columns: dict[str, str] | None = None) -> str:
    root, _ = parse(theirs)
    assert isinstance(root, Record)
    return statement("db.logs", columns or COLUMNS, codec_for("logs").record, root, MARK)


def without(name: str) -> Any:
    schema = deepcopy(schema_of("logs"))
    schema["fields"] = [each for each in schema["fields"] if each["name"] != name]
    return schema


def test_values_are_cast_and_checked() -> None:
    text = made(schema_of("logs"))
    assert text.startswith(
        "INSERT INTO db.logs (chain_id, block_timestamp, removed, log_index, topics, extra) SELECT "
        "accurateCast(chain_id, 'UInt64'), fromUnixTimestamp64Milli(block_timestamp, 'UTC'), removed, "
        "accurateCast(log_index, 'UInt32'), topics, extra FROM input("
    )
    for refused in (
        f"hex(mark_) != '{MARK.hex().upper()}'",
        "block_timestamp < -2208988800000 OR block_timestamp >= 10413792000000",
        "NOT isValidUTF8(extra)",
    ):
        assert f"({refused})" in text
    assert text.endswith(" FORMAT Avro")


def test_a_field_that_the_writer_does_not_have_takes_its_default() -> None:
    assert ", topics, NULL FROM input(" in made(without("extra"))
    assert ", [], extra FROM input(" in made(without("topics"))
    with pytest.raises(NotJoinable, match="no default for field log_index"):
        made(without("log_index"))


def test_a_field_that_we_do_not_have_is_passed_over() -> None:
    schema = deepcopy(schema_of("logs"))
    schema["fields"].insert(3, {"name": "new", "type": ["null", "string"], "default": None})
    assert made(schema) == made(schema_of("logs"))


def test_a_field_of_another_type_is_read_here() -> None:
    schema = deepcopy(schema_of("logs"))
    for each in schema["fields"]:
        if each["name"] == "chain_id":
            each["type"] = "int"
    with pytest.raises(NotJoinable, match="another type"):
        made(schema)
    with pytest.raises(NotJoinable, match="no cast of field topics"):
        made(schema_of("logs"), {"topics": "Array(String)"})


def test_symbols_that_we_do_not_know_are_unknown() -> None:
    schema: Any = deepcopy(schema_of("token-transfers"))
    (standard,) = [each["type"] for each in schema["fields"] if each["name"] == "token_standard"]
    standard["symbols"].append("ERC9999")
    root, _ = parse(schema)
    assert isinstance(root, Record)
    columns = {"token_standard": "LowCardinality(String)"}
    text = statement("db.t", columns, codec_for("token-transfers").record, root, MARK)
    assert "arrayElement(['UNKNOWN', 'ERC20', 'ERC721', 'ERC1155', 'UNKNOWN'], token_standard + 1)" in text
    assert "(token_standard < 0 OR token_standard >= 5)" in text


def test_a_container_holds_the_records_and_their_marks() -> None:
    values = [frame(7) + codec_for("logs").write(LOG | {"log_index": number}) for number in range(3)]
    parts = container(schema_of("logs"), frame(7), MARK[:8]).joined(values)
    assert parts is not None
    read = list(fastavro.reader(io.BytesIO(b"".join(parts))))
    assert [(each["log_index"], each["mark_"]) for each in read] == [(n, MARK) for n in range(3)]


def test_messages_of_several_schemas_are_not_joined() -> None:
    body = codec_for("logs").write(LOG)
    of_seven = container(schema_of("logs"), frame(7), MARK[:8])
    for frames in ((8, 7), (7, 8, 7), (7, 8)):
        assert of_seven.joined([frame(each) + body for each in frames]) is None
    # A message that was doubled, frame included, is one value still.
    doubled = of_seven.joined([(frame(7) + body) * 2])
    assert doubled is not None
    (only,) = fastavro.reader(io.BytesIO(b"".join(doubled)))
    assert only["mark_"] != MARK
