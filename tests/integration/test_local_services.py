"""The services of the local stack behave as the pipeline relies on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.evm.rpc.once import ask
from headwater.errors import Fatal
from sandbox.services.ports import Ports
from sandbox.services.probes import http_get, http_send


def port_of(url: str) -> int:
    return int(url.split("://")[-1].split("/")[0].rsplit(":", 1)[1])


def test_kafka_takes_a_32_mib_message_in_a_transaction(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.large"
    limit = str(32 << 20)
    admin = AdminClient({"bootstrap.servers": kafka})
    created = admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": limit})])
    created[topic].result(20)
    errors: list[object] = []
    producer = Producer(
        {"bootstrap.servers": kafka, "transactional.id": topic, "message.max.bytes": 32 << 20}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, bytes(31 << 20), on_delivery=lambda error, _: errors.append(error))
    producer.commit_transaction(30)
    assert errors == [None]


def test_registry_refuses_a_breaking_change(registry_url: str, topic_prefix: str) -> None:
    port = port_of(registry_url)
    path = f"/apis/ccompat/v7/subjects/{topic_prefix}-value/versions"
    first = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'
    breaking = '{"type":"record","name":"R","fields":[{"name":"b","type":"string"}]}'
    assert http_send(port, "POST", path, {"schema": first})[0] == 200
    assert http_send(port, "POST", path, {"schema": breaking})[0] == 409


def test_clickhouse_answers(clickhouse: dict[str, str], database: str) -> None:
    login = f"user={clickhouse['username']}&password={clickhouse['password']}"
    status, body = http_get(
        port_of(clickhouse["url"]), f"/?query=SELECT%20currentDatabase()&database={database}&{login}"
    )
    assert (status, body.strip()) == (200, database.encode())


def test_the_chains_finality_trails_its_head(make_chain: Callable[..., str]) -> None:
    port = port_of(make_chain(block_seconds=0))
    ask(f"http://127.0.0.1:{port}", "anvil_mine", "0x20")
    heights = {}
    for tag in ("latest", "safe", "finalized"):
        block = ask(f"http://127.0.0.1:{port}", "eth_getBlockByNumber", tag, False)
        assert isinstance(block, dict)
        heights[tag] = int(block["number"], 16)
    assert heights == {"latest": 32, "safe": 24, "finalized": 16}


def test_two_instances_never_get_the_same_port() -> None:
    first, second = Ports(), Ports()
    taken = [ports.take(f"part-{number}") for number in range(40) for ports in (first, second)]
    assert len(set(taken)) == len(taken)
    with pytest.raises(Fatal, match=f"port {taken[0]} for kafka is in use"):
        Ports({"kafka": taken[0]}).take("kafka")
    first.release()
    again = Ports(previous={"part-0": taken[0]})
    assert again.take("part-0") == taken[0]
    again.release()
    second.release()
