"""Topics and schemas against a real Kafka and a real registry."""

from __future__ import annotations

import json

import pytest
from confluent_kafka.admin import NewTopic

from headwater import kafka
from headwater.settings import Settings
from schemas import streams
from schemas.client import RegistryClient
from schemas.errors import IncompatibleSchema
from schemas.registry import COMPATIBILITY, Registry, canonical, register_all
from topics.admin import Action, apply, plan
from topics.catalog import topic_name, wanted
from topics.cluster import KafkaCluster, Wanted


def test_apply_makes_what_plan_says_and_then_nothing_is_left_to_do(settings: Settings) -> None:
    topics = wanted(settings)
    first = plan(settings)
    assert {change.topic for change in first if change.action is Action.CREATE} == set(topics)
    apply(settings)
    assert plan(settings) == []
    metadata = kafka.admin(settings).list_topics(timeout=10).topics
    assert {name: len(metadata[name].partitions) for name in topics} == {
        name: partitions for name, (partitions, _) in topics.items()
    }
    assert any(name.endswith("-changelog") for name in topics)
    assert any(name.endswith("-__assignor-__leader") for name in topics)


def test_a_topic_that_differs_is_altered_but_neither_grown_nor_shrunk(settings: Settings) -> None:
    logs, blocks = topic_name(settings, "logs"), topic_name(settings, "blocks")
    small = NewTopic(logs, 2, 1, config={"retention.ms": "1000", "segment.ms": "3600000"})
    big = NewTopic(blocks, 9, 1)
    admin = kafka.admin(settings)
    for future in admin.create_topics([small, big]).values():
        future.result(timeout=20)
    KafkaCluster(settings).settle([Wanted(logs, 2, {"retention.ms": "1000"}), Wanted(blocks, 9, {})])
    changes = {(change.topic, change.action): change for change in apply(settings)}
    assert "2 → 12 partitions" in changes[logs, Action.REFUSED].what
    assert "keyed" in changes[logs, Action.REFUSED].reason
    assert "retention.ms 1000 → 2592000000" in changes[logs, Action.ALTER].what
    assert changes[logs, Action.KEEP].what == "segment.ms = 3600000"
    assert "9 partitions" in changes[blocks, Action.KEEP].what
    left = {(change.topic, change.action) for change in plan(settings)}
    assert left == {(logs, Action.REFUSED), (logs, Action.KEEP), (blocks, Action.KEEP)}
    apply(settings, force=True)
    metadata = admin.list_topics(timeout=10).topics
    assert (len(metadata[logs].partitions), len(metadata[blocks].partitions)) == (12, 9)


def test_schemas_are_registered_once_and_breaking_ones_refused(settings: Settings) -> None:
    ids = register_all(settings)
    assert set(ids) == {f"{topic_name(settings, stream)}-value" for stream in streams()}
    assert register_all(settings) == ids
    registry = Registry(settings)
    for stream in streams():
        schema_id = registry.id_for(stream)
        assert schema_id == ids[registry.subject(stream)]
        found = registry.schema(schema_id)
        assert found is not None
        assert found["name"] == json.loads(canonical(found))["name"]
        assert registry.incompatibilities(stream) == []
    assert registry.schema(2_000_000_000) is None
    client = RegistryClient(settings.registry)
    subject = registry.subject("logs")
    schema = registry.schema(registry.id_for("logs"))
    assert schema is not None
    wider = {**schema, "fields": [*schema["fields"], {"name": "more", "type": "string", "default": ""}]}
    assert client.register(subject, canonical(wider)) != registry.id_for("logs")
    needed = {**schema, "fields": [*schema["fields"], {"name": "needed", "type": "string"}]}
    assert client.compatible(subject, canonical(needed)) != []
    with pytest.raises(IncompatibleSchema, match=r"logs\.v1-value: the registry refuses"):
        client.register(subject, canonical(needed))
    assert COMPATIBILITY == "BACKWARD_TRANSITIVE"
