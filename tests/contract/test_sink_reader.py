"""The contract of a stream's reader, on those of the sink and on those that unit tests use."""

from __future__ import annotations

import orjson
import pytest

from connectors.clickhouse.sink.guard import GuardedRows
from connectors.clickhouse.sink.rows import AvroRows, Reader
from schemas import codec_for, frame, schema_of, version_of
from tests.contract.sink_reader import ReaderContract, Stream
from tests.fakes.coverage import FIELDS, JsonReader
from tests.fakes.sink import FakeReader
from tests.paths import ROOT

STREAM = "contracts"
EXAMPLE = bytes.fromhex((ROOT / f"schemas/examples/{STREAM}/v{version_of(STREAM)}.avro.hex").read_text())


class Avro:
    column, broken = "block_number", frame(7) + b"\xff"

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def value(self, number: int) -> bytes:
        codec = codec_for(STREAM)
        return frame(7) + codec.write({**codec.read(EXAMPLE), "block_number": number})


class Json:
    reader, column, broken = JsonReader(), "sequence", b"{"

    def value(self, number: int) -> bytes:
        return orjson.dumps(dict.fromkeys(FIELDS, 0) | {"sequence": number})


class Digits:
    reader, column, broken = FakeReader(), "number", b"one"

    def value(self, number: int) -> bytes:
        return b"%d" % number


class TestAvroRows(ReaderContract):
    @pytest.fixture
    def stream(self) -> Stream:
        return Avro(AvroRows(STREAM, lambda _: schema_of(STREAM)))


class TestGuardedRows(ReaderContract):
    @pytest.fixture
    def stream(self) -> Stream:
        return Avro(GuardedRows(AvroRows(STREAM, lambda _: schema_of(STREAM)), lambda *_: None))


class TestJsonReader(ReaderContract):
    @pytest.fixture
    def stream(self) -> Stream:
        return Json()


class TestFakeReader(ReaderContract):
    @pytest.fixture
    def stream(self) -> Stream:
        return Digits()
