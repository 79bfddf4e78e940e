"""Hypothesis strategies of Avro schemas and of their values, and fastavro as the reference."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import fastavro
from hypothesis import strategies as st

from schemas import schema_of
from schemas.codec.codec import Codec
from schemas.codec.model import Record, parse

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-300, 300)),
    "long": st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300), st.integers(0, 2**40)),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=200),
    "string": TEXT,
}


def plain(schema: Any) -> Any:
    """The schema without logical types, so that fastavro gives and takes integers too."""
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(value) for value in schema] if isinstance(schema, list) else schema


def reference_write(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, plain(schema), record)
    return out.getvalue()


def reference_read(schema: Any, body: bytes) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(body), plain(schema), None)


def codec_of(schema: Any, subject: str = "test") -> Codec:
    root, _ = parse(schema)
    assert isinstance(root, Record)
    return Codec(subject, root)


def values(schema: Any, names: dict[str, Any] | None = None, depth: int = 0) -> st.SearchStrategy[Any]:
    """Arbitrary values of a schema."""
    names = {} if names is None else names
    if isinstance(schema, str):
        return PRIMITIVES[schema] if schema in PRIMITIVES else values(names[schema], names, depth + 1)
    if isinstance(schema, list):
        return st.one_of([values(branch, names, depth) for branch in schema])
    kind = schema["type"]
    if kind in ("record", "fixed", "enum"):
        names[schema["name"]] = schema
    if kind == "record":
        return st.fixed_dictionaries({f["name"]: values(f["type"], names, depth) for f in schema["fields"]})
    if kind == "fixed":
        return st.binary(min_size=schema["size"], max_size=schema["size"])
    if kind == "enum":
        return st.sampled_from(schema["symbols"])
    if kind == "array":
        items = schema["items"]
        # Records are dozens of draws each, which is most of what a test with a whole block costs.
        most = 3 if _is_record(items, names) else 6
        return st.lists(values(items, names, depth), max_size=most if depth < 2 else 0)
    if kind == "map":
        return st.dictionaries(TEXT, values(schema["values"], names, depth), max_size=4)
    return values(kind, names, depth)


def _is_record(schema: Any, names: dict[str, Any]) -> bool:
    found = names.get(schema, schema) if isinstance(schema, str) else schema
    return isinstance(found, dict) and found["type"] == "record"


@cache
def records_of(stream: str) -> st.SearchStrategy[Any]:
    """Arbitrary records of a stream: the strategy is made once, since making it is most of a draw."""
    return values(schema_of(stream))


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Arbitrary record schemas of every Avro type, nested, with named types used again."""
    serial = 0
    fixed_and_enums: list[str] = []

    def named(kind: str, **more: Any) -> dict[str, Any]:
        nonlocal serial
        serial += 1
        if kind != "record":
            fixed_and_enums.append(f"N{serial}")
        return {"type": kind, "name": f"N{serial}", **more}

    def node(depth: int, *, in_union: bool = False) -> Any:
        kinds = [*PRIMITIVES, "fixed", "enum", "timestamp", "again"]
        if depth < 3:
            kinds += ["record", "array", "map"] + ([] if in_union else ["optional", "optional", "union"])
        match draw(st.sampled_from(kinds)):
            case "fixed":
                return named("fixed", size=draw(st.integers(0, 40)))
            case "enum":
                return named("enum", symbols=[f"S{n}" for n in range(draw(st.sampled_from([1, 3, 70])))])
            case "timestamp":
                return {"type": "long", "logicalType": "timestamp-millis"}
            case "again":
                return draw(st.sampled_from(fixed_and_enums)) if fixed_and_enums else "string"
            case "record":
                return record(depth + 1)
            case "array":
                return {"type": "array", "items": node(depth + 1)}
            case "map":
                return {"type": "map", "values": node(depth + 1)}
            case "optional":
                simple = ["int", "long", "string", "boolean", "bytes", "double", "fixed or so"]
                other = draw(st.sampled_from(simple))
                if other not in PRIMITIVES:
                    other = node(depth + 1, in_union=True)
                other = "long" if other == "null" else other
                return draw(st.permutations(["null", other]))
            case "union":
                # Types that no value fits two of, so that the branch that was drawn is the one written.
                pool = ["null", "boolean", "long", "double", "bytes", "string"]
                return draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5, unique=True))
            case primitive:
                return primitive

    def record(depth: int) -> dict[str, Any]:
        shape = named("record")
        shape["fields"] = [
            {"name": f"f{n}", "type": node(depth)} for n in range(draw(st.integers(0 if depth else 1, 7)))
        ]
        return shape

    return record(0)
