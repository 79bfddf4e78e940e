"""Avro contracts of all streams: schemas, their compiled codec, the wire format and the registry.

Read it in this order: `avro/` (the contracts: a new field goes to the end of its record, a body's into
`normalized-blocks` and `enriched-blocks` too, then `headwater schemas freeze`), `catalog` (schema and
codec of a stream), `codec/` (compiled writers and readers), `wire` (Confluent's frame), `reader` over
`evolution` (any version's values), `registry` over `client` and `registered` (what it has under an id),
`naming` and `wholeness` (whether an id that it lacks says anything), `history` with `compatibility`, `sample`
and `examples/` (what a change is held against, one for each version), `unsigned` and `jsonable` (numbers
above 2^63, and records for people), `errors`.
"""

from schemas.catalog import codec_for, codec_for_record, schema_of, schema_text, streams, version_of
from schemas.codec import COMMON, Codec, Message, Records, Selection, SplitWriter
from schemas.codec.model import Schema
from schemas.errors import IncompatibleSchema, MalformedRecord, WrongValue
from schemas.reader import StreamReader
from schemas.wire import HEADER_SIZE, frame, schema_id_of

__all__ = [
    "COMMON",
    "HEADER_SIZE",
    "Codec",
    "IncompatibleSchema",
    "MalformedRecord",
    "Message",
    "Records",
    "Schema",
    "Selection",
    "SplitWriter",
    "StreamReader",
    "WrongValue",
    "codec_for",
    "codec_for_record",
    "frame",
    "schema_id_of",
    "schema_of",
    "schema_text",
    "streams",
    "version_of",
]
