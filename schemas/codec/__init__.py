"""The compiled codec: Avro writers and columnar readers generated from the schemas as Python source.

`model` reads a schema, `writer`, `reader` and `columnar` generate source for it, `strict` and `check` are
the slow walks that decide and explain when a generated function gives up, `codec` is what callers use.
"""

from schemas.codec.codec import Codec, SplitWriter
from schemas.codec.records import COMMON, Message, Records, Selection

__all__ = ["COMMON", "Codec", "Message", "Records", "Selection", "SplitWriter"]
