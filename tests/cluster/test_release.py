"""The chart takes the values that the release is installed with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.release import LAG, MAX_SINKS, values
from tests.cluster.services import RECEIVER
from tests.helm.chart import template


def rendered(path: Path, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    file = path / "values.json"
    file.write_text(json.dumps(chosen))
    done = template(file)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.mark.parametrize("version", ["1", "2"])
def test_every_pod_runs_the_image_that_was_imported(version: str, tmp_path: Path) -> None:
    for each in rendered(tmp_path, values(version)):
        if each["kind"] in ("Deployment", "StatefulSet", "Job"):
            for container in each["spec"]["template"]["spec"]["containers"]:
                assert container["image"] == f"localhost/headwater:{version}"
                assert container["imagePullPolicy"] == "Never"


@pytest.mark.parametrize("scaled", [False, True])
def test_the_sink_is_scaled_when_it_is_asked_for(scaled: bool, tmp_path: Path) -> None:
    made = rendered(tmp_path, values("1", scaled=scaled))
    found = [each["spec"] for each in made if each["kind"] == "ScaledObject"]
    assert len(found) == scaled
    for spec in found:
        assert spec["maxReplicaCount"] == MAX_SINKS
        assert {each["metadata"]["lagThreshold"] for each in spec["triggers"]} == {str(LAG)}


def test_every_role_but_the_sink_has_a_second_process(tmp_path: Path) -> None:
    made = rendered(tmp_path, values("1"))
    found = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["replicas"]
        for each in made
        if each["kind"] in ("Deployment", "StatefulSet")
    }
    assert {role for role, replicas in found.items() if replicas == 1} == {"sink"}
    assert {role for role, replicas in found.items() if replicas == 2} >= {"listen", "alert", "deliver"}


def test_deliveries_may_reach_the_receiver_and_have_its_secret(tmp_path: Path) -> None:
    made = rendered(tmp_path, values("1"))
    (policy,) = (
        each["spec"]
        for each in made
        if each["kind"] == "NetworkPolicy" and each["metadata"]["name"].endswith("-deliver")
    )
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert RECEIVER in ports
    (pod,) = (
        each["spec"]["template"]["spec"]
        for each in made
        if each["kind"] == "Deployment" and each["metadata"]["name"].endswith("-deliver")
    )
    assert {"secretRef": {"name": "channels"}} in pod["containers"][0]["envFrom"]
