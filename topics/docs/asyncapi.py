"""docs/asyncapi.yaml: the topics for tools, AsyncAPI 3 with Kafka bindings."""

from __future__ import annotations

import yaml

from headwater import __version__
from schemas.naming import versioned
from topics.catalog import TOPICS
from topics.chainlog.headers import DESCRIPTIONS
from topics.spec import TopicSpec


def asyncapi(generated: str, brokers: int) -> str:
    """AsyncAPI 3 with Kafka bindings; the payloads are the Avro schemas of the repository.

    `generated` says where the file comes from, `brokers` how many the shown cluster has.
    """
    streams = [entry for entry in TOPICS if entry.schema]
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headwater",
            "version": __version__,
            "description": "Blockchain events as Kafka topics. " + generated,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "channels": {entry.stream: _channel(entry, brokers) for entry in TOPICS},
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
    return f"# {generated}\n{text}"


def _channel(entry: TopicSpec, brokers: int) -> object:
    config = entry.config(replication=brokers)
    return {
        "address": f"{{chain}}.{versioned(entry.stream)}",
        "title": f"{entry.stream} ({entry.visibility.value})",
        "description": f"{entry.description} Key: {entry.key}. Owner: {entry.owner}.",
        "parameters": {
            "chain": {"description": "Name of the chain in the settings, after a prefix if one is set."}
        },
        "messages": {entry.stream: {"$ref": f"#/components/messages/{entry.stream}"}},
        "bindings": {
            "kafka": {
                "partitions": entry.partitions,
                "replicas": brokers,
                "topicConfiguration": {
                    "cleanup.policy": config["cleanup.policy"].split(","),
                    "retention.ms": int(config["retention.ms"]),
                    "max.message.bytes": int(config["max.message.bytes"]),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(entry: TopicSpec, verb: str) -> object:
    return {
        "action": verb,
        "channel": {"$ref": f"#/channels/{entry.stream}"},
        "messages": [{"$ref": f"#/channels/{entry.stream}/messages/{entry.stream}"}],
    }


def _message(entry: TopicSpec) -> object:
    kafka: dict[str, object] = {"key": {"type": "string", "description": entry.key}}
    message: dict[str, object] = {"name": entry.stream, "summary": entry.description}
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


def _headers() -> object:
    properties = {name: {"type": "string", "description": text} for name, text in DESCRIPTIONS.items()}
    return {"type": "object", "properties": properties}
