"""Where pods may go, by ports: what the settings' addresses say, and what they cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helm.chart import (
    Resource,
    every_values,
    made,
    named,
    resources,
    template,
    workloads,
)


def ports(role: str, *options: str, example: str = "external-secrets") -> set[int]:
    """The ports that a role's pods may reach."""
    (policy,) = (
        each
        for each in made(named(example), *options)
        if each["kind"] == "NetworkPolicy"
        and each["metadata"]["labels"]["app.kubernetes.io/component"] == role
    )
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def policies(*options: str) -> list[Resource]:
    return [each for each in made(named("minimal"), *options) if each["kind"] == "NetworkPolicy"]


def test_nodes_ports_are_those_of_their_habits_until_others_are_named() -> None:
    assert ports("listen") >= {443, 8545, 8546}
    without = ports("listen", example="minimal")
    assert without >= {443, 8545}
    assert 8546 not in without
    named_ports = ports("listen", "--set", "networkPolicy.rpc.ports={9545}")
    assert 9545 in named_ports
    assert named_ports.isdisjoint({443, 8545, 8546})


def test_dns_may_be_at_another_port_and_with_peers_of_its_own() -> None:
    options = (
        "--set",
        "networkPolicy.dns.ports={53,5353},networkPolicy.dns.to[0].namespaceSelector.matchLabels.name=dns",
    )
    assert policies()
    for before, after in zip(policies(), policies(*options), strict=True):
        assert before["spec"]["egress"][0] == {
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
        }
        assert after["spec"]["egress"][0] == {
            "ports": [
                {"protocol": protocol, "port": port} for port in (53, 5353) for protocol in ("UDP", "TCP")
            ],
            "to": [{"namespaceSelector": {"matchLabels": {"name": "dns"}}}],
        }


@pytest.mark.parametrize(
    ("servers", "says"),
    [
        ("kafka-1", "kafka-1 is not host:port"),
        ("kafka", "kafka is not host:port"),
        ("kafka-1:9092\\,kafka-2", "kafka-2 is not host:port"),
        ("kafka:9092\\,", "nothing between two commas is not host:port"),
        ("kafka:0", "kafka:0 is not host:port"),
        ("SSL://kafka:9092", "SSL://kafka:9092 is not host:port"),
        ("kafka:9092?password=x", "has a query, where a login may be"),
    ],
    ids=["name-with-a-number", "name", "second", "nothing", "port-0", "scheme", "query"],
)
def test_a_broker_without_a_port_is_refused(servers: str, says: str) -> None:
    done = template(named("minimal"), "--set", f"settings.kafka.bootstrap_servers={servers}")
    assert done.returncode != 0
    assert "settings.kafka.bootstrap_servers" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize("server", ["kafka:9092", " kafka-1.example.org:9094 ", "[fd00::1]:9092"])
def test_brokers_of_every_form_are_taken(server: str) -> None:
    found = made(named("minimal"), "--set", f"settings.kafka.bootstrap_servers=one:9092\\,{server}")
    port = server.strip().rpartition(":")[2]
    kafka = [each for each in found if each["kind"] == "NetworkPolicy"]
    ports = {str(one["port"]) for each in kafka for rule in each["spec"]["egress"] for one in rule["ports"]}
    assert {"9092", port} <= ports
    assert not {"0", "1"} & ports


@pytest.mark.parametrize("name", ["clickhouse.url", "registry.url"])
def test_an_address_with_a_query_is_refused_since_a_login_may_be_in_it(name: str) -> None:
    done = template(named("minimal"), "--set", f"settings.{name}=http://somewhere:8123/?user=u&password=p")
    assert done.returncode != 0
    assert f"settings.{name} has a query, where a login may be" in done.stderr


@every_values
def test_pods_reach_dns_and_what_they_are_for(values: Path) -> None:
    policies = {
        tuple(sorted(each["spec"]["podSelector"]["matchLabels"].items())): each["spec"]
        for each in resources(values, "NetworkPolicy")
    }
    for (_, role), workload in workloads(values).items():
        policy = policies[tuple(sorted(workload["spec"]["selector"]["matchLabels"].items()))]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert [each["port"] for each in policy["ingress"][0]["ports"]] == ["metrics"]
        assert all(rule["ports"] for rule in policy["egress"])
        # DNS, Kafka, the registry, and what only this role is for.
        assert len(policy["egress"]) == {"listen": 4, "sink": 4, "deliver": 4}.get(role, 3)


@pytest.mark.parametrize(
    ("example", "chain", "ports"),
    [
        ("external-secrets", "ethereum", [[9094], [8085], [8443]]),
        # Where an address has none: HTTPS's, and ClickHouse's own.
        ("mainnet-ha", "ethereum", [[9093], [443], [8443]]),
        ("minimal", "local", [[9092], [8081], [8123]]),
    ],
)
def test_ports_are_those_of_the_settings(example: str, chain: str, ports: list[list[int]]) -> None:
    workload = workloads(named(example))[chain, "sink"]
    (policy,) = (
        each["spec"]
        for each in resources(named(example), "NetworkPolicy")
        if each["metadata"]["name"] == workload["metadata"]["name"]
    )
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], *ports]
