"""Builds are kept under names that change with what is built, and are of the versions that they say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cluster import builds
from tests.helm import toolbox

ALL = (builds.KUBE, builds.KEDA, builds.PAUSE)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(builds.SOURCES, tmp_path / "go")
    monkeypatch.setattr(builds, "SOURCES", tmp_path / "go")
    return tmp_path / "go"


@pytest.mark.parametrize("build", ALL, ids=lambda build: build.name)
def test_the_name_is_of_the_sources_alone(build: builds.Build, sources: Path) -> None:
    before = builds.folder(build)
    shutil.rmtree(sources / next(other.name for other in ALL if other is not build))
    assert builds.folder(build) == before
    with (sources / build.name / "go.mod").open("a") as file:
        file.write("// changed\n")
    assert builds.folder(build) != before


def test_kubernetes_is_of_the_version_that_it_says() -> None:
    module = (builds.SOURCES / "kube" / "go.mod").read_text()
    assert f"k8s.io/kubernetes v{builds.KUBERNETES}\n" in module
    major, minor, _ = builds.KUBERNETES.split(".")
    assert f"gitMajor={major} " in builds.KUBE.link
    assert builds.KUBE.link.endswith(f"gitMinor={minor}")


def test_keda_is_of_the_version_whose_definitions_the_chart_is_held_against() -> None:
    (known,) = (each for each in json.loads(toolbox.CRDS.read_text()) if each.startswith(builds.KEDA_MODULE))
    version = known.partition("@")[2]
    module = (builds.SOURCES / "keda" / "go.mod").read_text()
    assert re.search(rf"^\s*{re.escape(builds.KEDA_MODULE)} {re.escape(version)}\b", module, re.MULTILINE)
