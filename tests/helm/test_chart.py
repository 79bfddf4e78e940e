"""Every file of values in ci/ renders to resources that are valid, safe, and what the code says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from connectors.clickhouse.migrations.template import view_database
from connectors.clickhouse.sink import app as sink
from connectors.delivery import app as deliver
from headwater import __version__
from headwater.cli import work
from headwater.settings import environment
from sandbox.stack.roles import ROLES
from tests.helm import readme, toolbox
from tests.helm.chart import (
    ACCEPTED,
    CHART,
    REFUSED,
    WORKLOADS,
    containers,
    helm,
    made,
    named,
    pods,
    rendered,
    resources,
    settings_of,
    template,
    workloads,
)
from tests.paths import ROOT
from topics.catalog import TOPICS, app_id, wanted
from topics.groups import NAMES

VALIDATION = Path(toolbox.__file__).with_name("validation.py")
every_values = pytest.mark.parametrize("values", ACCEPTED, ids=lambda path: path.stem)


def schema_problems(text: str) -> str:
    done = subprocess.run(
        [sys.executable, str(VALIDATION), str(toolbox.custom_resources())],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(toolbox.kubernetes_schemas())},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@every_values
def test_it_lints_without_a_warning(values: Path) -> None:
    done = helm("lint", "--strict", str(CHART), "-f", str(values))
    assert (done.returncode, re.findall(r"\[(?:WARNING|ERROR)\].*", done.stdout)) == (0, [])


@every_values
def test_every_resource_is_valid(values: Path) -> None:
    assert schema_problems(rendered(values)) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("automountServiceAccountToken:", "automountServiceAccountTokens:"),
        ("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"),
        ("maxReplicaCount:", "maxReplicas:"),
        ("podMetricsEndpoints:", "podMetricEndpoints:"),
        ("  expr:", "  expression:"),
    ],
)
def test_a_misspelt_field_would_be_found(right: str, wrong: str) -> None:
    text = rendered(named("mainnet-ha"))
    assert right in text
    assert schema_problems(text.replace(right, wrong)) != ""


@pytest.mark.parametrize("values", REFUSED, ids=lambda path: path.stem)
def test_what_cannot_work_is_refused_and_says_why(values: Path) -> None:
    says = values.read_text().partition("\n")[0].removeprefix("# says: ")
    done = template(values)
    assert done.returncode != 0
    assert says in done.stderr


@pytest.mark.parametrize(
    ("value", "label"),
    [
        *(
            ("workload.podLabels", f"app.kubernetes.io/{name}")
            for name in ("name", "instance", "component", "version", "managed-by")
        ),
        ("workload.podLabels", "helm.sh/chart"),
        ("workload.podLabels", "headwater.dev/chain"),
        ("podMonitor.labels", "app.kubernetes.io/name"),
        ("alerts.labels", "app.kubernetes.io/instance"),
        ("dashboards.labels", "app.kubernetes.io/instance"),
        ("workload.podAnnotations", "checksum/settings"),
    ],
)
def test_a_label_of_the_chart_is_not_overwritten(value: str, label: str) -> None:
    key = label.replace(".", "\\.")
    done = template(named("mainnet-ha"), "--set", f"{value}.{key}=mine")
    assert done.returncode != 0
    assert f"{value} has {label}, which is the chart's own" in done.stderr


@pytest.mark.parametrize("kind", ["podLabels", "podAnnotations"])
def test_pods_have_the_labels_and_annotations_that_are_asked_for(kind: str) -> None:
    found = made(named("mainnet-ha"), "--set", f"workload.{kind}.team=data")
    for each in found:
        if each["kind"] in WORKLOADS:
            metadata = each["spec"]["template"]["metadata"]
            assert metadata[kind.removeprefix("pod").lower()]["team"] == "data"
            assert metadata["annotations"]["checksum/settings"]
            assert each["spec"]["selector"]["matchLabels"].items() <= metadata["labels"].items()


@pytest.mark.parametrize(
    "value",
    [
        "workload.podLabels",
        "workload.podAnnotations",
        "podMonitor.labels",
        "alerts.labels",
        "networkPolicy.dns",
    ],
)
def test_a_value_may_be_taken_back_to_nothing(value: str) -> None:
    assert made(named("mainnet-ha"), "--set", f"{value}=null")


@every_values
def test_every_label_is_one_that_kubernetes_takes(values: Path) -> None:
    for each in resources(values):
        for value in each["metadata"]["labels"].values():
            assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", value), each["metadata"]


def test_a_release_whose_name_is_a_number_to_yaml_has_labels_of_text() -> None:
    done = helm("template", "1e3", str(CHART), "-f", str(named("mainnet-ha")))
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    assert found
    for each in found:
        labels = [each["metadata"]["labels"]]
        if each["kind"] in WORKLOADS:
            labels += [
                each["spec"]["selector"]["matchLabels"],
                each["spec"]["template"]["metadata"]["labels"],
            ]
        assert {type(value) for those in labels for value in those.values()} == {str}, each["metadata"]


@pytest.mark.parametrize("chain", ["ethereum-", "-ethereum", "Ethereum", "ether.eum"])
def test_a_chain_whose_name_is_no_label_is_refused(chain: str) -> None:
    name = chain.replace(".", "\\.")
    done = template(
        named("minimal"), "--set", f"chains.{name}.chainId=1,chains.{name}.rpc.existingSecret=nodes"
    )
    assert done.returncode != 0
    assert chain in done.stderr


@every_values
def test_each_chain_has_every_role_and_each_runs_its_command(values: Path) -> None:
    chains = yaml.safe_load(values.read_text())["chains"]
    found = workloads(values)
    assert set(found) == {(chain, role.name) for chain in chains for role in ROLES}
    for role in ROLES:
        for chain in chains:
            (container,) = found[chain, role.name]["spec"]["template"]["spec"]["containers"]
            assert container["args"] == list(role.arguments)


@every_values
def test_stages_have_stable_names_and_of_two_listeners_one_stands_by(values: Path, tmp_path: Path) -> None:
    for (_, role), workload in workloads(values).items():
        assert (workload["kind"] == "StatefulSet") == (role in NAMES)
        pod = workload["spec"]["template"]["spec"]
        settings = settings_of(values, pod, pod["containers"][0], tmp_path)
        assert settings.chain.standby == (role == "listen" and workload["spec"]["replicas"] == 2)
        if role == "listen":
            # A single one takes the chain over when it starts: the one before it must have gone.
            alone = workload["spec"]["replicas"] == 1
            assert workload["spec"]["strategy"]["type"] == ("Recreate" if alone else "RollingUpdate")
            assert alone == (values.name == "minimal-values.yaml")


@every_values
def test_settings_are_such_as_the_process_takes_and_its_own_chain(values: Path, tmp_path: Path) -> None:
    chains = yaml.safe_load(values.read_text())["chains"]
    seen = Counter[str]()
    for name, pod in pods(values):
        for container in containers(pod):
            settings = settings_of(values, pod, container, tmp_path)
            assert settings.chain.chain_id == chains[settings.chain.name]["chainId"], name
            assert settings.data_dir == Path("/var/lib/headwater")
            assert settings.metrics_host == "0.0.0.0"
            seen[settings.chain.name] += 1
    assert set(seen) == set(chains)


@every_values
def test_a_process_gets_the_secrets_that_it_needs_and_no_others(values: Path, tmp_path: Path) -> None:
    for (_, role), workload in workloads(values).items():
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        names = {each["name"] for each in container["env"]}
        assert ("HEADWATER_CHAIN__RPC" in names) == (role == "listen")
        told_of_heads = role == "listen" and values.name == "external-secrets-values.yaml"
        assert ("HEADWATER_CHAIN__WS" in names) == told_of_heads
        assert not any("CLICKHOUSE" in name for name in names) or role == "sink"
        told = environment(settings_of(values, pod, container, tmp_path))
        assert ("HEADWATER_CLICKHOUSE__URL" in told) == (role == "sink")
    assert resources(values, "Secret") == []


@every_values
def test_every_pod_passes_pod_security_restricted(values: Path) -> None:
    for name, pod in pods(values):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"].startswith(("release-headwater", "hw"))
        # The variables of a Service named headwater-… would be read as settings, and refused.
        assert pod["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert {kind for each in pod["volumes"] for kind in each} <= {
            "name",
            "configMap",
            "emptyDir",
            "secret",
        }
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"]


def test_a_pod_has_time_to_drain_and_thirty_seconds_more() -> None:
    # The sink leaves its group after its drain; deliver waits for its router before that.
    longest = max(
        sink.DRAIN_SECONDS + sink.LEAVE_SECONDS,
        deliver.DRAIN_SECONDS + 2 * deliver.LEAVE_SECONDS,
        work.DRAIN_SECONDS,
    )
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    least = schema["properties"]["workload"]["properties"]["terminationGracePeriodSeconds"]["minimum"]
    assert least >= longest + 30
    for values in ACCEPTED:
        for workload in workloads(values).values():
            assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= least


@every_values
def test_what_several_replicas_need_is_there(values: Path) -> None:
    budgets = {each["metadata"]["name"] for each in resources(values, "PodDisruptionBudget")}
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for each in resources(values, "ScaledObject", "HorizontalPodAutoscaler")
    }
    for workload in workloads(values).values():
        name, spec = workload["metadata"]["name"], workload["spec"]
        # A number here would fight with the autoscaler at every upgrade.
        assert ("replicas" in spec) != (name in scaled)
        assert (name in budgets) == (name in scaled or spec["replicas"] > 1)
        spread = spec["template"]["spec"]["topologySpreadConstraints"]
        assert spread
        for each in spread:
            assert each["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]


def test_keda_asks_for_topics_and_a_group_that_exist(tmp_path: Path) -> None:
    values = named("mainnet-ha")
    (scaled,) = resources(values, "ScaledObject")
    pod = workloads(values)["ethereum", "sink"]["spec"]["template"]["spec"]
    settings = settings_of(values, pod, pod["containers"][0], tmp_path)
    topics = wanted(settings)
    triggers = [each["metadata"] for each in scaled["spec"]["triggers"]]
    assert {each["consumerGroup"] for each in triggers} == {app_id(settings, "sink")}
    asked = {each["topic"] for each in triggers}
    assert asked == {name for name, (partitions, _) in topics.items() if partitions > 1}
    assert scaled["spec"]["maxReplicaCount"] <= max(topics[name][0] for name in asked)
    assert all(each["allowIdleConsumers"] == "false" for each in triggers)
    assert {each["sasl"] for each in triggers} == {"scram_sha512"}


def test_strimzi_makes_the_topics_of_the_catalogue(tmp_path: Path) -> None:
    values = named("multi-chain")
    made = {each["spec"]["topicName"]: each for each in resources(values, "KafkaTopic")}
    names = [each["metadata"]["name"] for each in made.values()]
    assert len(names) == len(set(names)) == len(resources(values, "KafkaTopic"))
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) for name in names)
    found = {}
    for (_, role), workload in workloads(values).items():
        if role == "listen":
            pod = workload["spec"]["template"]["spec"]
            found |= wanted(settings_of(values, pod, pod["containers"][0], tmp_path))
    assert {
        name: (each["spec"]["partitions"], each["spec"]["config"]) for name, each in made.items()
    } == found
    assert {each["spec"]["replicas"] for each in made.values()} == {3}
    assert not any("topics" in each["metadata"]["name"] for each in resources(values, "Job"))


def test_hooks_prepare_topics_then_schemas_then_tables() -> None:
    jobs = resources(named("minimal"), "Job")
    weights = {
        tuple(each["spec"]["template"]["spec"]["containers"][0]["args"]): int(
            each["metadata"]["annotations"]["helm.sh/hook-weight"]
        )
        for each in jobs
    }
    assert sorted(weights, key=weights.__getitem__) == [
        ("topics", "apply"),
        ("schemas", "register"),
        ("migrate",),
    ]
    assert {each["spec"]["template"]["spec"]["serviceAccountName"] for each in jobs} == {
        "release-headwater-prepare"
    }
    needed = [
        each
        for each in resources(named("minimal"), "ConfigMap", "ServiceAccount", "NetworkPolicy")
        if each["metadata"]["name"].endswith("-prepare")
    ]
    assert len(needed) == 3
    assert {each["metadata"]["annotations"]["helm.sh/hook-weight"] for each in needed} == {"-40"}


def test_without_hooks_one_job_a_chain_does_the_same_in_order() -> None:
    values = named("no-hooks")
    jobs = resources(values, "Job")
    assert len(jobs) == len(yaml.safe_load(values.read_text())["chains"])
    for job in jobs:
        pod = job["spec"]["template"]["spec"]
        assert [each["args"] for each in containers(pod)] == [
            ["topics", "apply"],
            ["schemas", "register"],
            ["migrate"],
        ]
    hooks = {
        each["metadata"].get("annotations", {}).get("helm.sh/hook", "test") for each in resources(values)
    }
    assert hooks == {"test"}


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


def test_the_page_says_how_far_the_sink_scales() -> None:
    most = max(entry.partitions for entry in TOPICS if "sink" in entry.consumers)
    assert f"| `sink` | 1 to {most}: " in (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_a_name_that_is_too_long_is_refused() -> None:
    done = template(
        named("minimal"), "--set", "fullnameOverride=a-name-much-longer-than-kubernetes-has-room-for"
    )
    assert done.returncode != 0
    assert "set a shorter fullnameOverride" in done.stderr


def test_the_readme_is_made_of_the_values() -> None:
    committed = (CHART / "README.md").read_text("utf-8")
    assert committed == readme.markdown(), "python -m tests.helm.readme > helm/headwater/README.md"


@pytest.mark.parametrize(
    "option", ["settings.clickhouse.database=", "chains.ethereum.settings.clickhouse.database="]
)
@pytest.mark.parametrize("database", ["headwater", "prod"])
def test_helm_test_asks_for_the_view_that_migrations_make(option: str, database: str) -> None:
    (pod,) = (
        each for each in made(named("mainnet-ha"), "--set", f"{option}{database}") if each["kind"] == "Pod"
    )
    asked = [each["args"] for each in pod["spec"]["containers"] if each["name"] == "clickhouse"]
    assert asked == [["sql", f"SELECT count() FROM {view_database('canonical', database)}.blocks"]]


def test_the_version_is_the_codes() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
