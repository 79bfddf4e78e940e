"""Where an operator's commands run, with which logins, and what is said to a role once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headwater.settings import environment
from tests.helm.chart import (
    ACCEPTED,
    CHART,
    RELEASE,
    Resource,
    containers,
    helm,
    made,
    named,
    resources,
    settings_of,
    template,
    tools,
)

every_values = pytest.mark.parametrize("values", ACCEPTED, ids=lambda path: path.stem)
FORK = f"0x{'ab' * 32}"


def variables(container: Resource) -> dict[str, str]:
    """Variable → the Secret that it comes from."""
    return {
        each["name"]: each["valueFrom"]["secretKeyRef"]["name"]
        for each in container["env"]
        if "valueFrom" in each
    }


def command_of(found: list[Resource], chain: str, role: str) -> list[str]:
    (command,) = (
        each["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in found
        if each["kind"] in ("Deployment", "StatefulSet")
        and each["metadata"]["name"].endswith(f"{chain}-{role}")
    )
    return list(command)


@every_values
def test_each_chain_has_a_pod_for_commands_that_knows_every_service(values: Path, tmp_path: Path) -> None:
    chains = yaml.safe_load(values.read_text())["chains"]
    found = tools(values)
    assert set(found) == set(chains)
    for chain, each in found.items():
        assert each["spec"]["replicas"] == (1 if values.stem.startswith("mainnet-ha") else 0)
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        settings = settings_of(values, pod, container, tmp_path)
        told = environment(settings)
        assert {
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS",
            "HEADWATER_REGISTRY__URL",
            "HEADWATER_CLICKHOUSE__URL",
        } <= set(told)
        assert "HEADWATER_CHAIN__RPC" in variables(container)
        assert settings.chain.name == chain
        # No target of Prometheus, and no role whose absence would be told.
        assert "ports" not in container
    for rule in resources(values, "PrometheusRule"):
        assert "tools" not in str(rule["spec"])


@every_values
def test_commands_reach_every_service_and_nobody_reaches_them(values: Path) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in resources(values, "NetworkPolicy")}
    for each in tools(values).values():
        policy = policies[each["metadata"]["name"]]
        assert policy["podSelector"]["matchLabels"] == each["spec"]["selector"]["matchLabels"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in policy
        # DNS, Kafka, the registry, ClickHouse, nodes, and who receives a test of a channel.
        assert len(policy["egress"]) == 6


def test_it_waits_and_ends_when_it_is_told_to() -> None:
    (container,) = tools(named("minimal"))["local"]["spec"]["template"]["spec"]["containers"]
    name, *words = container["command"]
    assert name == "python3"
    words[-1] = words[-1].replace("signal.pause()", "print(flush=True); signal.pause()")
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_channel_is_tested_with_the_secrets_of_its_delivery() -> None:
    for each in made(named("minimal"), "--set", "secrets.channels.existingSecret=hooks"):
        component = each["metadata"].get("labels", {}).get("app.kubernetes.io/component")
        if each["kind"] == "Deployment" and component in ("tools", "deliver"):
            (container,) = each["spec"]["template"]["spec"]["containers"]
            assert container["envFrom"] == [{"secretRef": {"name": "hooks"}}]


@pytest.mark.parametrize("mode", ["hooks", "job"])
def test_who_prepares_has_the_owners_logins_and_the_roles_have_their_own(mode: str) -> None:
    owners = {"kafka-owner", "registry-owner", "clickhouse-owner"}
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    for each in made(named("mainnet-ha"), "--set", f"prepare.mode={mode}"):
        if each["kind"] in ("Job", "Pod", "Deployment", "StatefulSet"):
            pod = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
            for container in containers(pod):
                seen[each["kind"] == "Job"] |= set(variables(container).values())
    assert seen[True] == owners
    assert seen[False] == {"kafka-login", "registry-login", "clickhouse-writer", "ethereum-nodes"}


def test_who_prepares_shows_kafka_the_owners_certificate() -> None:
    def shown(pod: Resource) -> set[str]:
        return {each["secret"]["secretName"] for each in pod["volumes"] if each["name"] == "kafka-tls"}

    for each in made(named("external-secrets")):
        if each["kind"] not in ("Job", "Deployment", "StatefulSet"):
            continue
        pod = each["spec"]["template"]["spec"]
        wanted = "kafka-owner" if each["kind"] == "Job" else "kafka-client"
        assert shown(pod) <= {wanted}
        for container in containers(pod):
            assert variables(container).get("HEADWATER_KAFKA__SSL_KEY_PASSWORD", wanted) == wanted


def test_commands_have_the_owners_logins_where_that_is_asked_for() -> None:
    for asked, wanted in (("false", "kafka-login"), ("true", "kafka-owner")):
        (pod,) = (
            each["spec"]["template"]["spec"]
            for each in made(named("mainnet-ha"), "--set", f"tools.owner={asked}")
            if each["kind"] == "Deployment" and each["metadata"]["name"].endswith("-tools")
        )
        assert variables(pod["containers"][0])["HEADWATER_KAFKA__SASL_PASSWORD"] == wanted


def test_a_fork_below_finality_is_accepted_for_one_chain() -> None:
    values = named("multi-chain")
    first, *others = sorted(yaml.safe_load(values.read_text())["chains"])
    found = made(values, "--set", f"chains.{first}.roles.listen.acceptFork={FORK}")
    assert command_of(found, first, "listen") == ["listen", f"--accept-fork={FORK}"]
    assert {tuple(command_of(found, chain, "listen")) for chain in others} == {("listen",)}


def test_topics_that_were_made_anew_are_accepted_by_the_sink() -> None:
    found = made(named("minimal"), "--set", "roles.sink.acceptTopics=true")
    assert command_of(found, "local", "sink") == ["sink", "--accept-topics"]
    found = made(named("minimal"), "--set", "chains.local.roles.sink.acceptTopics=true")
    assert command_of(found, "local", "sink") == ["sink", "--accept-topics"]


@pytest.mark.parametrize(
    "option",
    [
        "chains.local.roles.listen.acceptFork=0x12",
        f"roles.listen.acceptFork={FORK}",
        "roles.stage.acceptTopics=true",
        "roles.listen.extraArgs={--rpc}",
        "tools.replicas=2",
    ],
    ids=["no-hash", "of-every-chain", "another-role", "any-option", "two-pods"],
)
def test_what_is_not_for_once_is_refused(option: str) -> None:
    assert template(named("minimal"), "--set-string" if "Fork" in option else "--set", option).returncode != 0


def test_the_notes_say_where_commands_run_and_what_is_to_be_taken_back() -> None:
    def notes(*options: str) -> str:
        arguments = (
            "install",
            RELEASE,
            str(CHART),
            "--dry-run=client",
            "-f",
            str(named("minimal")),
            *options,
        )
        done = helm(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.partition("NOTES:")[2]

    quiet = notes()
    assert "exec deploy/release-headwater-local-tools -- headwater doctor" in quiet
    assert "scale deploy/release-headwater-local-tools --replicas=1" in quiet
    assert "WARNING" not in quiet
    assert "scale deploy" not in notes("--set", "tools.replicas=1")
    assert "WARNING" in notes("--set", "roles.sink.acceptTopics=true")
