"""The compiled codec: Avro writers and columnar readers generated from the schemas as Python source.

Read it in this order: `codec` (what callers use) with `records` (what it gives for a block's message),
`model` (reads a schema), `source` (what generated Python is made with), `writer` with `union`, `reader`
and `columnar` over `primitive_reader` (they generate it), `varint` (integers, by tables), `strict` and
`check` (the slow walks that decide and explain when a generated function gives up).
"""

from schemas.codec.codec import Codec, SplitWriter
from schemas.codec.records import COMMON, Message, Records, Selection

__all__ = ["COMMON", "Codec", "Message", "Records", "Selection", "SplitWriter"]
