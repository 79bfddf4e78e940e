"""What a registry has under an id, and whether records can have been written with it.

A registry is shared: other teams keep Protobuf and JSON Schema there, and Avro that refers to other schemas.
A message framed with such an id is a bad message; the registry is as well as ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from schemas.codec.model import Schema, parse
from schemas.errors import ForeignSchema

AVRO: Final = "AVRO"
MOST_DEPTH: Final = 64
"""JSON levels; ours have up to 13. What walks a schema recurses, and Python's stack is finite."""
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Registered:
    """An answer about an id. `kind` is Confluent's `schemaType`; `references`: it needs other schemas."""

    text: str
    kind: str = AVRO
    references: bool = False

    def schema(self) -> Schema:
        """The schema as parsed JSON: a whole Avro schema. Raises ForeignSchema for all else."""
        if self.kind != AVRO:
            raise ForeignSchema(f"a {self.kind[:_SHOWN]} schema")
        if self.references:
            raise ForeignSchema("an Avro schema that refers to others, as none of ours does")
        try:
            schema = json.loads(self.text)
        except RecursionError:
            raise ForeignSchema(f"a schema nested deeper than {MOST_DEPTH} levels") from None
        except ValueError as error:
            raise ForeignSchema("text that is not an Avro schema") from error
        if is_deeper(schema, MOST_DEPTH):
            raise ForeignSchema(f"a schema nested deeper than {MOST_DEPTH} levels")
        try:
            parse(schema)
        except ValueError as error:
            raise ForeignSchema(f"what is not an Avro schema ({str(error)[:_SHOWN]})") from error
        found: Schema = schema
        return found


def is_deeper(value: object, levels: int) -> bool:
    """True for JSON with arrays and objects in more than so many levels. Does not recurse."""
    level = _containers([value])
    for _ in range(levels):
        level = [each for outer in level for each in _containers(outer)]
    return bool(level)


def _containers(outer: dict[str, Any] | list[Any]) -> list[dict[str, Any] | list[Any]]:
    values = outer.values() if isinstance(outer, dict) else outer
    return [each for each in values if isinstance(each, (dict, list))]
