"""The chart as Helm renders it."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from headwater.settings import Settings, load_settings
from tests.helm import toolbox
from tests.paths import ROOT

CHART: Final = ROOT / "helm" / "headwater"
ACCEPTED: Final = tuple(sorted((CHART / "ci").glob("*-values.yaml")))
REFUSED: Final = tuple(sorted((CHART / "ci" / "refused").glob("*-values.yaml")))
RELEASE: Final = "release"
NAMESPACE: Final = "headwater"
WORKLOADS: Final = ("Deployment", "StatefulSet")
TOOLS: Final = "tools"
Resource = dict[str, Any]
every_values = pytest.mark.parametrize("values", ACCEPTED, ids=lambda path: path.stem)
"""For a test of each example."""


def named(kind: str) -> Path:
    """The example of a kind, `minimal` say."""
    (path,) = (path for path in ACCEPTED if path.stem == f"{kind}-values")
    return path


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Helm, which knows no repository and no cluster here."""
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(
            [str(toolbox.helm()), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": home, "HELM_CACHE_HOME": home, "HELM_CONFIG_HOME": home, "HELM_DATA_HOME": home},
        )


def template(values: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`helm template` of the chart with a file of values."""
    return helm("template", RELEASE, str(CHART), "-n", NAMESPACE, "-f", str(values), *options)


def made(values: Path, *options: str) -> list[Resource]:
    """The resources of a file of values with some of them set otherwise."""
    done = template(values, *options)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each]


@functools.cache
def rendered(values: Path) -> str:
    """What Helm makes of a file of values, as text."""
    done = template(values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def resources(values: Path, *kinds: str) -> list[Resource]:
    """The resources of some kinds, or all."""
    return [each for each in parsed(values) if not kinds or each["kind"] in kinds]


@functools.cache
def parsed(values: Path) -> tuple[Resource, ...]:
    """All resources of a file of values; nobody may change them."""
    return tuple(each for each in yaml.load_all(rendered(values), yaml.CSafeLoader) if each)


def workloads(values: Path) -> dict[tuple[str, str], Resource]:
    """(chain, role) → its Deployment or StatefulSet."""
    return {key: each for key, each in _by_component(values).items() if key[1] != TOOLS}


def tools(values: Path) -> dict[str, Resource]:
    """Chain → the Deployment that operators' commands run in, which is no role."""
    return {chain: each for (chain, what), each in _by_component(values).items() if what == TOOLS}


def _by_component(values: Path) -> dict[tuple[str, str], Resource]:
    return {
        (labels["headwater.dev/chain"], labels["app.kubernetes.io/component"]): each
        for each in resources(values, *WORKLOADS)
        for labels in (each["metadata"]["labels"],)
    }


def pods(values: Path) -> Iterator[tuple[str, Resource]]:
    """Name and specification of every pod that the chart would run."""
    for each in resources(values, *WORKLOADS, "Job", "Pod"):
        spec = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        yield f"{each['kind']} {each['metadata']['name']}", spec


def containers(pod: Resource) -> list[Resource]:
    """All containers of a pod, those that come first included."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def settings_of(values: Path, pod: Resource, container: Resource, tmp_path: Path) -> Settings:
    """What a container's process would be configured with, read by its own code.

    Secrets are not there, so each variable from one is `secret`; files of one are left out.
    """
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "settings")
    (volume,) = (each for each in pod["volumes"] if each["name"] == "settings")
    (data,) = (
        each["data"]
        for each in resources(values, "ConfigMap")
        if each["metadata"]["name"] == volume["configMap"]["name"]
    )
    content = yaml.safe_load(data[mount.get("subPath", "headwater.yaml")])
    for name in [each for each in content.get("kafka", {}) if each.endswith("_location")]:
        assert content["kafka"].pop(name).startswith("/etc/headwater/kafka/")
    path = tmp_path / "headwater.yaml"
    path.write_text(yaml.safe_dump(content))
    secret = {
        each["name"]: "http://node:8545" if each["name"].endswith("RPC") else "secret"
        for each in container["env"]
        if "valueFrom" in each and "KEY_PASSWORD" not in each["name"]
    }
    return load_settings(environ={**secret, "HEADWATER_CONFIG": str(path)})
