"""Every file of values in ci/ renders to resources that are valid, safe, and what the code says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headwater import __version__
from tests.helm import readme, toolbox
from tests.helm.chart import (
    CHART,
    REFUSED,
    WORKLOADS,
    every_values,
    helm,
    made,
    named,
    rendered,
    resources,
    template,
)

VALIDATION = Path(toolbox.__file__).with_name("validation.py")


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


def test_a_name_that_is_too_long_is_refused() -> None:
    done = template(
        named("minimal"), "--set", "fullnameOverride=a-name-much-longer-than-kubernetes-has-room-for"
    )
    assert done.returncode != 0
    assert "set a shorter fullnameOverride" in done.stderr


def test_the_readme_is_made_of_the_values() -> None:
    committed = (CHART / "README.md").read_text("utf-8")
    assert committed == readme.markdown(), "python -m tests.helm.readme > helm/headwater/README.md"


def test_the_version_is_the_codes() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
