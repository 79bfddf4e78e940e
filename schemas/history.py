"""Every version of every stream's schema with a golden message: what a change is held against.

`examples/<stream>/v<n>.avsc` is the schema, `v<n>.json` a message of it, `v<n>.avro.hex` its bytes (no
frame). A version, once committed, never changes; a changed schema becomes the next version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import cast

from schemas.catalog import codec_for, schema_of, streams
from schemas.codec.codec import Codec
from schemas.codec.model import Record, Schema, parse
from schemas.compatibility import breaks
from schemas.errors import MalformedRecord
from schemas.evolution import Translator, without_docs
from schemas.jsonable import from_json, to_json
from schemas.sample import sample

FOLDER = Path(str(resources.files("schemas").joinpath("examples")))
_HEX_COLUMNS = 96


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a stream's schema with its golden message, as JSON and as the bytes of its body."""

    number: int
    schema: Schema
    message: dict[str, object]
    body: bytes


def versions(stream: str, folder: Path = FOLDER) -> list[Version]:
    """The committed versions of a stream, oldest first."""
    found = []
    for path in (folder / stream).glob("v*.avsc"):
        number = int(path.stem[1:])
        stem = folder / stream / f"v{number}"
        found.append(
            Version(
                number=number,
                schema=json.loads(path.read_text("utf-8")),
                message=json.loads(stem.with_suffix(".json").read_text("utf-8")),
                body=bytes.fromhex(stem.with_suffix(".avro.hex").read_text("utf-8")),
            )
        )
    return sorted(found, key=lambda version: version.number)


def problems(stream: str, schema: Schema | None = None, folder: Path = FOLDER) -> list[str]:
    """What is wrong with a stream's schema, held against its history; nothing when all is well."""
    schema = schema_of(stream) if schema is None else schema
    history = versions(stream, folder)
    if not history:
        return [f"{stream}: no version is committed; run `headwater schemas freeze {stream}`"]
    if without_docs(history[-1].schema) != without_docs(schema):
        found = [
            f"{stream}: the schema is not its last version v{history[-1].number}; a change that is meant "
            f"becomes a version by `headwater schemas freeze {stream}`"
        ]
    else:
        found = []
    for version in history:
        found += [
            f"{stream}: cannot read v{version.number}: {reason}" for reason in breaks(schema, version.schema)
        ]
        found += _golden_problems(stream, schema, version)
    found += [f"{stream}: {reason}" for reason in _no_way_back(history, schema)]
    return found


def _no_way_back(history: Sequence[Version], schema: Schema) -> Iterator[str]:
    """Why readers of one version, rolled back to, could not read what the version after it has written.

    Only from a version to the next: an enum gets its default in one and its symbol in another.
    """
    for before, after in pairwise([*((each.number, each.schema) for each in history), (None, schema)]):
        for reason in breaks(before[1], after[1]):
            what = "the schema" if after[0] is None else f"v{after[0]}"
            yield f"v{before[0]} cannot read {what}, and is read after a rollback: {reason}"


def _golden_problems(stream: str, schema: Schema, version: Version) -> list[str]:
    writers_codec, readers_codec = _codec(stream, version.schema), _codec(stream, schema)
    name = f"{stream}: golden message v{version.number}"
    try:
        if to_json(writers_codec.read(version.body)) != version.message:
            return [f"{name}: its bytes do not say what its JSON says"]
        if writers_codec.write(from_json(writers_codec.record, version.message)) != version.body:
            return [f"{name}: writing its JSON gives other bytes"]
        Translator(readers_codec, schema, version.number, version.schema).body(version.body, 0)
    except MalformedRecord as error:
        return [f"{name}: {error}"]
    return []


def freeze(stream: str, folder: Path = FOLDER) -> Version | None:
    """Commit the present schema as the stream's next version, with an example; None if it is one already.

    Raises ValueError when it could not read the messages of an earlier version, or the last one not its own.
    """
    schema, history = schema_of(stream), versions(stream, folder)
    if history and without_docs(history[-1].schema) == without_docs(schema):
        return None
    reasons = [reason for version in history for reason in breaks(schema, version.schema)]
    reasons += _no_way_back(history[-1:], schema)
    if reasons:
        raise ValueError(f"{stream}: a breaking change: {'; '.join(dict.fromkeys(reasons))}")
    codec = codec_for(stream)
    record = sample(codec.record)
    version = Version(
        len(history) + 1, schema, cast("dict[str, object]", to_json(record)), codec.write(record)
    )
    stem = folder / stream / f"v{version.number}"
    stem.parent.mkdir(parents=True, exist_ok=True)
    digits = version.body.hex()
    lines = [digits[at : at + _HEX_COLUMNS] for at in range(0, len(digits), _HEX_COLUMNS)]
    stem.with_suffix(".avsc").write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", "utf-8")
    stem.with_suffix(".json").write_text(json.dumps(version.message, indent=1) + "\n", "utf-8")
    stem.with_suffix(".avro.hex").write_text("\n".join(lines) + "\n", "utf-8")
    return version


def all_problems() -> list[str]:
    """The problems of all streams."""
    return [problem for stream in streams() for problem in problems(stream)]


def _codec(stream: str, schema: Schema) -> Codec:
    root, _ = parse(schema)
    if not isinstance(root, Record):
        raise ValueError(f"a version of {stream} is not a record")
    return Codec(stream, root)
