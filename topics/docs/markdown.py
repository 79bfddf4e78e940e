"""docs/topics.md: tables of the topics, then the fields of each stream's records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import Schema, schema_of
from schemas.unsigned import UNSIGNED
from topics.catalog import TOPICS
from topics.spec import DAY_MS, TopicSpec, Visibility

_TYPES = {"timestamp-millis": "timestamp-millis (ms since 1970, UTC)"}


def markdown(generated: str, of_faust: Mapping[str, tuple[int, dict[str, str]]]) -> str:
    """Tables of the topics, then the fields of each stream's records.

    `generated` says where the page comes from; `of_faust` are the topics of the Faust applications:
    name → partitions and settings.
    """
    lines = [
        "# Topics",
        "",
        generated,
        "",
        "Name: `[prefix.]<chain>.<stream>.v<major>`. Value: Avro in the Confluent wire format, subject "
        "`<topic>-value`, BACKWARD_TRANSITIVE. Key: UTF-8. Partitioner: murmur2. Timestamps: LogAppendTime.",
        "",
    ]
    for visibility in Visibility:
        lines += [f"## {visibility.value.capitalize()} topics", "", *_table(visibility), ""]
    lines += [
        "## Topics of the Faust applications",
        "",
        "| topic | partitions | cleanup |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| `{name}` | {partitions} | {config['cleanup.policy']} |"
        for name, (partitions, config) in of_faust.items()
    ]
    lines += ["", "## Records", ""]
    for entry in TOPICS:
        lines += _record(entry)
    return "\n".join(lines).rstrip() + "\n"


def _table(visibility: Visibility) -> list[str]:
    lines = [
        "| stream | key | message | partitions | cleanup | kept | written by | read by |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for entry in TOPICS:
        if entry.visibility is visibility:
            kept = "for ever" if entry.retention_ms is None else f"{entry.retention_ms // DAY_MS} d"
            by, read = ", ".join(entry.producers), ", ".join(entry.consumers)
            lines.append(
                f"| {entry.stream} | {entry.key} | {entry.description} | {entry.partitions} "
                f"| {entry.cleanup.value} | {kept} | {by} | {read} |"
            )
    return lines


def _record(entry: TopicSpec) -> list[str]:
    lines = [f"### {entry.stream}", ""]
    if not entry.schema:
        return [*lines, f"{entry.description} No schema: the value is the original message's bytes.", ""]
    schema = schema_of(entry.stream)
    lines += [schema["doc"], "", "| field | type | meaning |", "| --- | --- | --- |"]
    nested: list[dict[str, Any]] = []
    lines += _fields(schema, nested)
    for record in nested:
        lines += [
            "",
            f"`{record['name']}`: {record['doc']}",
            "",
            "| field | type | meaning |",
            "| --- | --- | --- |",
        ]
        lines += _fields(record, nested)
    return [*lines, ""]


def _fields(record: dict[str, Any], nested: list[dict[str, Any]]) -> list[str]:
    return [
        f"| {each['name']} | {_type(each['type'], nested)} | {each.get('doc', '')}{_unsigned(each)} |"
        for each in record["fields"]
    ]


def _unsigned(field: dict[str, Any]) -> str:
    if field["name"] not in UNSIGNED or "long" not in field["type"]:
        return ""
    return " Unsigned: a negative number n stands for n + 2^64."


def _type(node: Schema, nested: list[dict[str, Any]]) -> str:
    """A type in words; records within it are appended to `nested`."""
    if isinstance(node, str):
        return node.rpartition(".")[2]
    if isinstance(node, list):
        return " or ".join(_type(branch, nested) for branch in node)
    match node["type"]:
        case "record":
            nested.append(node)
            return str(node["name"])
        case "enum":
            return f"{node['name']} ({', '.join(node['symbols'])})"
        case "fixed":
            return f"{node['name']} ({node['size']} bytes)"
        case "array":
            return f"array of {_type(node['items'], nested)}"
        case "map":
            return f"map of {_type(node['values'], nested)}"
        case kind:
            return _TYPES.get(str(node.get("logicalType")), str(kind))
