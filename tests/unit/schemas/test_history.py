"""The committed versions of the schemas: a breaking or an unversioned change fails here."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from schemas import schema_of, streams, version_of
from schemas.compatibility import breaks
from schemas.history import FOLDER, freeze, problems, versions


@pytest.mark.parametrize("stream", streams())
def test_the_schema_is_its_last_version_and_reads_all_golden_messages(stream: str) -> None:
    assert problems(stream) == []
    assert [version.number for version in versions(stream)] == list(range(1, len(versions(stream)) + 1))
    assert freeze(stream) is None


def test_every_folder_of_versions_has_its_stream() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) == list(streams())


def _changed(change: str) -> Any:
    schema = deepcopy(schema_of("logs"))
    fields = {each["name"]: each for each in schema["fields"]}
    match change:
        case "removed":
            schema["fields"].remove(fields["address"])
        case "added":
            schema["fields"].append({"name": "more", "type": "int", "default": 0})
        case "needed":
            schema["fields"].append({"name": "needed", "type": "int"})
        case "grown":
            fields["data"]["type"] = ["null", "bytes"]
        case "retyped":
            fields["data"]["type"] = "long"
        case "unit":
            fields["block_timestamp"]["type"]["logicalType"] = "timestamp-micros"
        case "renamed":
            fields["log_index"]["name"] = "index"
        case "resized":
            fields["address"]["type"]["size"] = 32
        case "worded":
            fields["address"]["doc"] = "Said better."
    return schema


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "removed",
            ["not its last version v1", "v1 cannot read the schema", "address: new, and it has no default"],
        ),
        ("added", ["not its last version v1"]),
        ("needed", ["needed: new, and it has no default", "golden message v1"]),
        ("grown", ["v1 cannot read the schema, and is read after a rollback: data: null became bytes"]),
        ("retyped", ["data: bytes became long", "golden message v1"]),
        ("unit", ["block_timestamp: logical type timestamp-millis became timestamp-micros"]),
        ("renamed", ["index: new, and it has no default"]),
        (
            "resized",
            ["address: io.headwater.v1.Address20 of 20 bytes became io.headwater.v1.Address20 of 32"],
        ),
        ("worded", []),
    ],
)
def test_a_changed_schema_is_noticed(change: str, words: list[str]) -> None:
    found = "\n".join(problems("logs", _changed(change)))
    assert all(word in found for word in words), found
    assert bool(found) == bool(words)


def test_an_edited_golden_message_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "heads", tmp_path / "heads")
    assert problems("heads", folder=tmp_path) == []
    example = tmp_path / "heads" / "v1.json"
    example.write_text(example.read_text().replace("18573000", "18573001"))
    assert problems("heads", folder=tmp_path) == [
        "heads: golden message v1: its bytes do not say what its JSON says"
    ]
    shutil.rmtree(tmp_path / "heads")
    assert "no version is committed" in problems("heads", folder=tmp_path)[0]


def test_freezing_adds_a_version_and_refuses_a_breaking_one(tmp_path: Path) -> None:
    first = freeze("heads", tmp_path)
    assert first is not None
    assert first.number == 1
    assert freeze("heads", tmp_path) is None
    frozen = tmp_path / "heads" / "v1.avsc"
    text = frozen.read_text()
    frozen.write_text(
        text.replace('"fields": [', '"fields": [{"name": "gone", "type": "int", "default": 0},', 1)
    )
    second = freeze("heads", tmp_path)
    assert second is not None
    assert second.number == 2
    frozen.write_text(text.replace('"fields": [', '"fields": [{"name": "gone", "type": "int"},', 1))
    (tmp_path / "heads" / "v2.avsc").unlink()
    with pytest.raises(ValueError, match=r"v1 cannot read the schema.*gone: new, and it has no default"):
        freeze("heads", tmp_path)
    frozen.write_text(text.replace('"long"', '"bytes"'))
    with pytest.raises(ValueError, match=r"breaking change: .*bytes became long"):
        freeze("heads", tmp_path)


def _record(kind: object, **more: object) -> dict[str, object]:
    return {"type": "record", "name": "R", "fields": [{"name": "a", "type": kind, **more}]}


ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


@pytest.mark.parametrize(
    ("reader", "writer", "reason"),
    [
        ("long", "int", None),
        ("int", "long", "a: long became int"),
        ("double", "long", None),
        (["null", "int"], "int", None),
        ("int", ["null", "int"], "a: null became int"),
        (["null", "string"], ["null", "int"], "a: no branch of the union reads int"),
        ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, None),
        (
            {"type": "array", "items": "int"},
            {"type": "array", "items": "string"},
            r"a\[\]: string became int",
        ),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "bytes"}, "a{}: bytes became int"),
        ({**ENUM, "symbols": ["A"]}, ENUM, "a: enum E lost B and has no default"),
        ({**ENUM, "symbols": ["A"], "default": "A"}, ENUM, None),
        ({**ENUM, "name": "F"}, ENUM, "a: enum E became F"),
        ({**_record("int"), "name": "S"}, {**_record("int"), "name": "T"}, "a: record T became S"),
        (
            ["null", {**_record("int"), "name": "S"}],
            {**_record("bytes"), "name": "S"},
            "a.a: bytes became int",
        ),
        ("int", {"type": "map", "values": "int"}, "a: map became int"),
    ],
)
def test_what_breaks_a_reader(reader: object, writer: object, reason: str | None) -> None:
    found = breaks(_record(reader), _record(writer))
    if reason is None:
        assert found == []
    else:
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError("; ".join(found))


def test_a_field_may_be_renamed_under_an_alias_and_types_may_recur() -> None:
    assert (
        breaks(_record("int", aliases=["b"]), {**_record("int"), "fields": [{"name": "b", "type": "int"}]})
        == []
    )
    assert breaks(_record(["null", "R"]), _record(["null", "R"])) == []


@pytest.mark.parametrize("stream", streams())
def test_our_version_is_the_last_that_was_frozen(stream: str) -> None:
    assert version_of(stream) == versions(stream)[-1].number


def test_a_stream_without_a_frozen_version_has_none() -> None:
    with pytest.raises(KeyError, match="headwater schemas freeze nothing"):
        version_of("nothing")
