"""What is generated from the catalogue: docs/topics.md, docs/asyncapi.yaml and the chart's topics.json.

A test compares them with the committed files, so that neither is edited by hand nor forgotten.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from headwater import __version__
from headwater.settings import load_settings
from schemas import schema_of
from schemas.codec.model import Value
from topics.catalog import TOPICS, wanted
from topics.spec import DAY_MS, TopicSpec, Visibility

CHAIN = "<chain>"
BROKERS = 3
GENERATED = "Generated from `topics/` by `headwater topics export`. Do not edit."
_TYPES = {"timestamp-millis": "timestamp-millis (ms since 1970, UTC)"}


def files() -> dict[Path, str]:
    """Path from the root of the repository → content."""
    return {
        Path("docs/topics.md"): markdown(),
        Path("docs/asyncapi.yaml"): asyncapi(),
        Path("helm/headwater/files/topics.json"): chart(),
    }


def drift(root: Path) -> list[Path]:
    """The files under `root` that differ from what the catalogue says, or are missing."""
    return [
        path
        for path, text in files().items()
        if not (root / path).is_file() or (root / path).read_text("utf-8") != text
    ]


def write(root: Path) -> list[Path]:
    """Bring the files under `root` up to date; which of them changed."""
    stale = drift(root)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(files()[path], "utf-8")
    return stale


def chart() -> str:
    """Every topic with partitions and settings, `<chain>` standing for the chain's name."""
    topics = [
        {"name": name.replace(_SAMPLE.chain.name, CHAIN, 1), "partitions": partitions, "config": config}
        for name, (partitions, config) in wanted(_SAMPLE).items()
    ]
    return json.dumps({"comment": GENERATED, "replication": BROKERS, "topics": topics}, indent=2) + "\n"


def markdown() -> str:
    """Tables of the topics, then the fields of each stream's records."""
    lines = [
        "# Topics",
        "",
        GENERATED,
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
    named = {_address(entry) for entry in TOPICS}
    for name, (partitions, config) in wanted(_SAMPLE).items():
        shown = name.replace(_SAMPLE.chain.name, CHAIN, 1)
        if shown not in named:
            lines.append(f"| `{shown}` | {partitions} | {config['cleanup.policy']} |")
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
    nested: list[Value] = []
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


def _fields(record: Value, nested: list[Value]) -> list[str]:
    return [
        f"| {each['name']} | {_type(each['type'], nested)} | {each.get('doc', '')} |"
        for each in record["fields"]
    ]


def _type(node: Value, nested: list[Value]) -> str:
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


def asyncapi() -> str:
    """AsyncAPI 3 with Kafka bindings; the payloads are the Avro schemas of the repository."""
    streams = [entry for entry in TOPICS if entry.schema]
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headwater",
            "version": __version__,
            "description": "Blockchain events as Kafka topics. " + GENERATED,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "channels": {entry.stream: _channel(entry) for entry in TOPICS},
        "operations": {
            f"{role}-{verb}-{entry.stream}": _operation(entry, verb)
            for entry in TOPICS
            for verb, roles in (("send", entry.producers), ("receive", entry.consumers))
            for role in roles
        },
        "components": {
            "messages": {entry.stream: _message(entry) for entry in TOPICS},
            "messageTraits": {"headwater": {"headers": _headers()}},
            "schemas": {
                entry.stream: {
                    "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0",
                    "schema": {"$ref": f"../schemas/avro/{entry.stream}.avsc"},
                }
                for entry in streams
            },
        },
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return f"# {GENERATED}\n{text}"


def _channel(entry: TopicSpec) -> Value:
    config = entry.config(replication=BROKERS)
    return {
        "address": f"{{chain}}.{entry.stream}.v{entry.major}",
        "title": f"{entry.stream} ({entry.visibility.value})",
        "description": f"{entry.description} Key: {entry.key}. Owner: {entry.owner}.",
        "parameters": {
            "chain": {"description": "Name of the chain in the settings, after a prefix if one is set."}
        },
        "messages": {entry.stream: {"$ref": f"#/components/messages/{entry.stream}"}},
        "bindings": {
            "kafka": {
                "partitions": entry.partitions,
                "replicas": BROKERS,
                "topicConfiguration": {
                    "cleanup.policy": config["cleanup.policy"].split(","),
                    "retention.ms": int(config["retention.ms"]),
                    "max.message.bytes": int(config["max.message.bytes"]),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(entry: TopicSpec, verb: str) -> Value:
    return {
        "action": verb,
        "channel": {"$ref": f"#/channels/{entry.stream}"},
        "messages": [{"$ref": f"#/channels/{entry.stream}/messages/{entry.stream}"}],
    }


def _message(entry: TopicSpec) -> Value:
    kafka: dict[str, Value] = {"key": {"type": "string", "description": entry.key}}
    message: dict[str, Value] = {"name": entry.stream, "summary": entry.description}
    if entry.schema:
        message["payload"] = {"$ref": f"#/components/schemas/{entry.stream}"}
        message["traits"] = [{"$ref": "#/components/messageTraits/headwater"}]
        kafka |= {
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": "TopicNameStrategy",
        }
    else:
        message["contentType"] = "application/octet-stream"
    return message | {"bindings": {"kafka": kafka | {"bindingVersion": "0.5.0"}}}


def _headers() -> Value:
    texts = {
        "schema-version": "Version of the value's schema.",
        "chain-id": "EIP-155 chain id, base 10.",
        "sequence": "Number of the chain event, base 10.",
        "traceparent": "W3C trace context, where there is one.",
    }
    properties = {name: {"type": "string", "description": text} for name, text in texts.items()}
    return {"type": "object", "properties": properties}


def _address(entry: TopicSpec) -> str:
    return f"{CHAIN}.{entry.stream}.v{entry.major}"


_SAMPLE = load_settings(
    {"chain": {"name": "chain-name"}, "kafka": {"replication": BROKERS}, "topic_prefix": ""}, environ={}
)
