"""What prepares a chain: hooks in their order, or a plain job, which nobody can change once it is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from connectors.clickhouse.migrations.template import view_database
from tests.helm.chart import (
    CHART,
    Resource,
    containers,
    helm,
    made,
    named,
    resources,
)

OWN = ("Job", "ConfigMap", "NetworkPolicy", "ServiceAccount")


def jobs(*options: str) -> dict[str, Resource]:
    """Name → what cannot be changed of it: the pod template, and the settings that it reads at its start."""
    resources = made(named("no-hooks"), *options)
    settings = {each["metadata"]["name"]: each["data"] for each in resources if each["kind"] == "ConfigMap"}
    return {
        each["metadata"]["name"]: {
            "template": each["spec"]["template"],
            "settings": settings[each["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]],
        }
        for each in resources
        if each["kind"] == "Job"
    }


@pytest.mark.parametrize(
    "option",
    [
        "image.tag=other",
        "image.pullPolicy=Always",
        "imagePullSecrets[0]=registry",
        "workload.priorityClassName=high",
        "workload.extraEnv[0].name=HTTPS_PROXY",
        "workload.user=20000",
        "workload.nodeSelector.disk=ssd",
        "workload.tolerations[0].operator=Exists",
        "workload.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey=zone",
        "prepare.resources.limits.memory=1Gi",
        "secrets.kafkaTls.existingSecret=kafka,settings.kafka.security_protocol=SSL",
        "secrets.clickhouseOwner.existingSecret=owner",
        "secrets.trustedCa.existingSecret=ca",
        "settings.clickhouse.database=other",
        "prepare.again=second",
        "chains.base.chainId=8454",
        "fullnameOverride=other",
    ],
    ids=lambda option: option.partition("=")[0],
)
def test_a_job_that_would_be_another_has_another_name(option: str) -> None:
    before, after = jobs(), jobs("--set", option)
    assert before == jobs()
    assert before != after
    assert {name: job for name, job in after.items() if name in before} == {
        name: job for name, job in before.items() if name in after
    }


def test_another_version_of_the_chart_is_another_job(tmp_path: Path) -> None:
    chart = tmp_path / "headwater"
    for path in CHART.rglob("*"):
        if path.is_file():
            copy = chart / path.relative_to(CHART)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    meta = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(json.dumps({**meta, "version": "99.0.0"}))
    done = helm("template", "release", str(chart), "-n", "headwater", "-f", str(named("no-hooks")))
    names = {
        each["metadata"]["name"] for each in yaml.safe_load_all(done.stdout) if each and each["kind"] == "Job"
    }
    assert len(names) == 2
    assert names.isdisjoint(jobs())


def test_hooks_leave_nothing_behind_that_the_plain_job_would_have_to_own() -> None:
    def prepares(mode: str) -> set[tuple[str, str]]:
        return {
            (each["kind"], each["metadata"]["name"])
            for each in made(named("no-hooks"), "--set", f"prepare.mode={mode}")
            if each["kind"] in OWN and "-prepare" in each["metadata"]["name"]
        }

    # Helm refuses to take over what exists and is not its own, and hooks' resources are nobody's.
    assert {kind for kind, _ in prepares("hooks")} == {kind for kind, _ in prepares("job")} == set(OWN)
    assert prepares("hooks").isdisjoint(prepares("job"))


def test_what_hooks_left_is_selected_by_a_label_of_its_own() -> None:
    hooks = made(named("minimal"))
    left = [each for each in hooks if "helm.sh/hook-weight" in each["metadata"].get("annotations", {})]
    assert {each["kind"] for each in left} >= set(OWN)
    for each in left:
        if each["metadata"]["annotations"]["helm.sh/hook"] != "test":
            assert each["metadata"]["labels"]["app.kubernetes.io/component"] == "prepare", each["metadata"]
    plain = made(named("no-hooks"))
    assert not [
        each
        for each in plain
        if each["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "prepare"
    ]


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
