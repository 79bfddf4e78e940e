"""The committed documents are what the catalogue says, and each says all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from schemas import schema_of, streams
from tests.paths import ROOT
from topics.catalog import TOPICS
from topics.docs.export import chart, drift, files, write


def test_the_committed_files_are_up_to_date() -> None:
    stale = drift(ROOT)
    assert stale == [], f"run `headwater topics export`: {', '.join(map(str, stale))}"


def test_an_edited_or_missing_file_is_drift_and_export_mends_it(tmp_path: Path) -> None:
    assert set(write(tmp_path)) == set(files())
    assert write(tmp_path) == []
    edited = tmp_path / "docs" / "topics.md"
    edited.write_text(edited.read_text().replace("30 d", "31 d", 1))
    (tmp_path / "helm/headwater/files/topics.json").unlink()
    assert drift(tmp_path) == [Path("docs/topics.md"), Path("helm/headwater/files/topics.json")]


def test_the_environment_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_TOPIC_PREFIX", "mine")
    monkeypatch.setenv("HEADWATER_CHAIN__NAME", "other")
    assert drift(ROOT) == []


def test_every_topic_and_every_field_is_documented() -> None:
    text = files()[Path("docs/topics.md")]
    for entry in TOPICS:
        assert f"### {entry.stream}\n" in text
    for stream in streams():
        for field in schema_of(stream)["fields"]:
            assert f"| {field['name']} |" in text


def test_asyncapi_refers_only_to_what_exists() -> None:
    document = yaml.safe_load(files()[Path("docs/asyncapi.yaml")])
    assert document["asyncapi"] == "3.0.0"

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for each in node.values() for found in references(each)]
        return [found for each in node for found in references(each)] if isinstance(node, list) else []

    found = references(document)
    assert len(found) > len(TOPICS)
    for reference in found:
        if reference.startswith("#/"):
            node = document
            for step in reference[2:].split("/"):
                node = node[step]
        else:
            assert (ROOT / "docs" / reference).is_file(), reference
    for entry in TOPICS:
        kafka = document["channels"][entry.stream]["bindings"]["kafka"]
        assert kafka["partitions"] == entry.partitions
        assert kafka["topicConfiguration"]["max.message.bytes"] == entry.max_message_bytes


def test_the_chart_has_every_topic_with_three_brokers() -> None:
    document = json.loads(chart())
    names = {topic["name"] for topic in document["topics"]}
    assert {f"<chain>.{entry.stream}.v1" for entry in TOPICS} < names
    assert "<chain>.state-blocks-changelog" in names
    assert {topic["config"]["min.insync.replicas"] for topic in document["topics"]} == {"2"}
