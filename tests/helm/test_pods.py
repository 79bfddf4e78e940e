"""What runs in the pods: every role of each chain, with its own settings and secrets, restricted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import yaml

from connectors.clickhouse.sink import app as sink
from connectors.delivery import app as deliver
from headwater.cli import work
from headwater.settings import environment
from sandbox.stack.roles import ROLES
from tests.helm.chart import (
    ACCEPTED,
    CHART,
    containers,
    every_values,
    pods,
    resources,
    settings_of,
    workloads,
)
from topics.groups import NAMES


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
