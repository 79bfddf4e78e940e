"""What an answer may hold, later stages take: the bounds of the model, of the tables and of Kafka."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from headwater.evm.answers import shapes
from headwater.evm.answers.fields import fields_of
from headwater.evm.answers.sizes import HEADER_BYTES, RECORD_BYTES
from headwater.kafka import MAX_MESSAGE_BYTES
from streams.runtime import sizes
from topics.chainlog.parts import PART_BYTES

TABLES: Final = (
    Path(__file__).parents[2] / "connectors" / "clickhouse" / "migrations" / "0001_tables.sql"
).read_text()
# Fields that only say where a record belongs, or are compared and kept in `extra`: no column of their own.
COMPARED: Final = {
    "blockHash",
    "blockNumber",
    "blockTimestamp",
    "chainId",
    "transactionHash",
    "transactionIndex",
    "from",
    "to",
    "type",
}
RENAMED: Final = {("Transaction", "type"): "transaction_type"}
TABLE: Final = {
    shapes.Block: "blocks",
    shapes.Transaction: "transactions",
    shapes.Receipt: "transactions",
    shapes.Log: "logs",
}


def column(shape: type[shapes.Answer], name: str) -> str:
    own = next(each.name for each in msgspec.structs.fields(shape) if each.encode_name == name).rstrip("_")
    if shape is shapes.Receipt:
        return f"receipt_{own}"
    return RENAMED.get((shape.__name__, name), own)


def width(shape: type[shapes.Answer], name: str) -> int:
    """Bits of the column that a number goes to."""
    body = TABLES.split(f"{{{{table:{TABLE[shape]}}}}}", 1)[1].split("ENGINE", 1)[0]
    found = re.search(rf"^    {column(shape, name)} (?:Nullable\()?UInt(\d+)", body, re.MULTILINE)
    assert found is not None, f"{shape.__name__}.{name} has no column of a number"
    return int(found[1])


NUMBERS: Final = [
    (shape, name, each.kind.bits)
    for shape in TABLE
    for name, each in fields_of(shape).items()
    if isinstance(each.kind, shapes.Digits)
    and not (name in COMPARED and (shape is not shapes.Transaction or name != "type"))
    and (shape, name) not in {(shapes.Block, "number"), (shapes.Block, "timestamp")}
]


@pytest.mark.parametrize(
    ("shape", "name", "bits"), NUMBERS, ids=[f"{shape.__name__}.{name}" for shape, name, _ in NUMBERS]
)
def test_a_number_that_is_published_fits_its_column(shape: type[shapes.Answer], name: str, bits: int) -> None:
    assert bits <= width(shape, name)


def test_numbers_of_every_width_are_among_them() -> None:
    assert {bits for _, _, bits in NUMBERS} == {8, 28, 64, 256}


def test_the_largest_record_fits_a_message_with_its_blocks_header() -> None:
    # What a message has beside them: envelope, event_id, frame.
    beside = 64 * 1024
    assert RECORD_BYTES + HEADER_BYTES + beside <= MAX_MESSAGE_BYTES - sizes._OVERHEAD
    assert HEADER_BYTES < PART_BYTES < RECORD_BYTES
