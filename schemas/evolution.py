"""Values of another version of a stream's schema, made values of the current one: Avro's schema resolution.

Slower than reading one's own (about ten times) and rare: while writers of two versions run, or when history
from before an upgrade is read again.
"""

from __future__ import annotations

import io
from typing import cast

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException

from schemas.codec.codec import Codec
from schemas.codec.model import MISSING, Array, Map, Node, Record, Schema, Union, parse
from schemas.errors import MalformedRecord

_SHOWN = 200
# What parsers say of JSON that is no Avro schema: fastavro's own errors, and those of Python where something
# is absent, of another type or nested without end.
_NOT_A_SCHEMA = (SchemaParseException, ValueError, LookupError, TypeError, AttributeError, RecursionError)


class Translator:
    """Bodies of one writer's schema → bodies of the reader's, which is the current one.

    Raises MalformedRecord where the writer's schema is none of a record.
    """

    def __init__(self, codec: Codec, readers_schema: Schema, schema_id: int, writers_schema: Schema) -> None:
        self._codec = codec
        self._schema_id = schema_id
        self._readers_schema = fastavro.parse_schema(without_logical_types(readers_schema))
        try:
            root, _ = parse(writers_schema)
            self._writers_schema = fastavro.parse_schema(without_logical_types(writers_schema))
        except _NOT_A_SCHEMA as error:
            reason = f"is not a schema that can be read: {type(error).__name__}: {str(error)[:_SHOWN]}"
            raise MalformedRecord(codec.subject, schema_id, 0, "", reason) from error
        if not isinstance(root, Record):
            raise MalformedRecord(codec.subject, schema_id, 0, "", f"schema id {schema_id} is not a record")
        self._writers_codec = Codec(codec.subject, root)

    def body(self, value: bytes, offset: int) -> bytes:
        """Our body of a value. Raises MalformedRecord, also where the schemas cannot be resolved."""
        # Read strictly first: fastavro does not judge malformed bytes.
        self._writers_codec.read(value, offset)
        body = io.BytesIO(value[offset:])
        try:
            record = fastavro.schemaless_reader(body, self._writers_schema, self._readers_schema)
        except (SchemaResolutionError, ValueError, TypeError, LookupError) as error:
            reason = f"cannot be read with our schema: {error}"
            raise MalformedRecord(self._codec.subject, self._schema_id, offset, "", reason) from error
        return self._codec.write(cast("dict[str, object]", _with_defaults(self._codec.record, record)))


def without_logical_types(schema: Schema) -> Schema:
    """The schema with integers where it has timestamps."""
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return [without_logical_types(each) for each in schema] if isinstance(schema, list) else schema


def without_docs(schema: Schema) -> Schema:
    """The schema without its comments: what decides how bytes are read."""
    if isinstance(schema, dict):
        return {key: without_docs(value) for key, value in schema.items() if key != "doc"}
    return [without_docs(each) for each in schema] if isinstance(schema, list) else schema


def _with_defaults(node: Node, value: object) -> object:
    """fastavro gives a default of bytes as the JSON string it stands as; the codec's are bytes already."""
    match node:
        case Record() if isinstance(value, dict):
            return {
                each.name: each.default
                if each.default is not MISSING
                and isinstance(value[each.name], str)
                and _is_bytes(each.default)
                else _with_defaults(each.type, value[each.name])
                for each in node.fields
            }
        case Array(items) if isinstance(value, list):
            return [_with_defaults(items, each) for each in value]
        case Map(values) if isinstance(value, dict):
            return {key: _with_defaults(values, each) for key, each in value.items()}
        case Union() if node.optional is not None and value is not None:
            return _with_defaults(node.optional[1], value)
        case _:
            return value


def _is_bytes(value: object) -> bool:
    return isinstance(value, bytes)
