"""Reads framed values of a stream, whichever version of its schema they were written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.catalog import codec_for, schema_of
from schemas.codec.codec import Codec
from schemas.codec.model import Schema
from schemas.codec.records import Message, Selection
from schemas.errors import MalformedRecord
from schemas.evolution import Translator, without_docs
from schemas.wire import HEADER_SIZE, schema_id_of


class StreamReader:
    """`schema_of_id` is asked once for each schema id that is met: `Registry.schema`.

    All methods take whole Kafka values and raise MalformedRecord, and what `schema_of_id` raises.
    """

    def __init__(self, stream: str, schema_of_id: Callable[[int], Schema | None]) -> None:
        self.stream = stream
        self.codec: Codec = codec_for(stream)
        self._schema_of_id = schema_of_id
        self._frames: dict[bytes, Translator | None] = {}

    def read(self, value: bytes) -> dict[str, object]:
        """One record."""
        return self.codec.read(self.to_current_schema(value), HEADER_SIZE)

    def columns(
        self, values: Sequence[bytes], fields: Sequence[str] | None = None
    ) -> dict[str, list[object]]:
        """Records as columns. MalformedRecord says in `index` which value it is about."""
        if any(
            self._frames.get(head, head) is not None for head in {value[:HEADER_SIZE] for value in values}
        ):
            values = [self._current_at(index, value) for index, value in enumerate(values)]
        return self.codec.columns(values, fields=fields)

    def message(self, value: bytes, fields: Selection) -> Message:
        """The chosen fields of one message; its bodies are of our schema."""
        return self.codec.message(self.to_current_schema(value), fields)

    def to_current_schema(self, value: bytes) -> bytes:
        """The value in our schema; itself where it is that already."""
        head = value[:HEADER_SIZE]
        if head not in self._frames:
            self._frames[head] = self._translator(schema_id_of(value, self.stream))
        translator = self._frames[head]
        return value if translator is None else head + translator.body(value, HEADER_SIZE)

    def _current_at(self, index: int, value: bytes) -> bytes:
        try:
            return self.to_current_schema(value)
        except MalformedRecord as error:
            error.index = index
            raise

    def _translator(self, schema_id: int) -> Translator | None:
        writers_schema = self._schema_of_id(schema_id)
        if writers_schema is None:
            raise MalformedRecord(self.stream, schema_id, 1, "", "the registry has no such schema id")
        readers_schema = schema_of(self.stream)
        if without_docs(writers_schema) == without_docs(readers_schema):
            return None
        return Translator(self.codec, readers_schema, schema_id, writers_schema)
