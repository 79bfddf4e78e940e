"""What docs/operations.md has people type fits what the chart makes."""

from __future__ import annotations

import re

import yaml

from tests.helm import toolbox
from tests.helm.chart import CHART, NAMESPACE, Resource, helm
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
# The page's commands are about a release of this name that follows this chain.
RELEASE, CHAIN = "headwater", "ethereum"


def rendered() -> list[Resource]:
    values = CHART / "ci" / "mainnet-ha-values.yaml"
    done = helm("template", RELEASE, str(CHART), "-n", NAMESPACE, "-f", str(values))
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_what_it_names_is_there() -> None:
    names = {(each["kind"], each["metadata"]["name"]) for each in rendered()}
    deployments = set(re.findall(r"\bdeploy/(headwater-[a-z-]+)", PAGE))
    scaled = set(re.findall(r"\bscaledobject (headwater-[a-z-]+)", PAGE))
    assert deployments == {f"{RELEASE}-{CHAIN}-tools", f"{RELEASE}-{CHAIN}-sink"}
    assert scaled == {f"{RELEASE}-{CHAIN}-sink"}
    assert {("Deployment", each) for each in deployments} | {
        ("ScaledObject", each) for each in scaled
    } <= names
    components = {
        each["metadata"].get("labels", {}).get("app.kubernetes.io/component") for each in rendered()
    }
    assert set(re.findall(r"component=([a-z]+),headwater\.dev/chain", PAGE)) <= components


def test_an_autoscaler_is_paused_and_not_scaled() -> None:
    """kubectl scale asks for a subresource that a ScaledObject does not have."""
    definition = yaml.safe_load((toolbox.custom_resources() / "keda.sh_scaledobjects.yaml").read_text())
    assert all("scale" not in each["subresources"] for each in definition["spec"]["versions"])
    assert not re.search(r"scale[^\n]*(scaledobject|ScaledObject)", PAGE)
    assert "annotate scaledobject headwater-ethereum-sink autoscaling.keda.sh/paused-replicas=0" in PAGE
    assert "annotate scaledobject headwater-ethereum-sink autoscaling.keda.sh/paused-replicas-" in PAGE


def test_what_an_uninstall_leaves_is_removed_by_its_line() -> None:
    (kinds,) = re.findall(r"delete\s+([a-z,]+) -l\s+app\.kubernetes\.io/instance=RELEASE`", PAGE)
    left = {
        each["kind"].lower()
        for each in rendered()
        if any("helm.sh/hook" in name for name in each["metadata"].get("annotations", {}))
    }
    assert set(kinds.split(",")) == left


def test_no_standby_is_promised_to_go_first() -> None:
    """Pod numbers say nothing of who works: no page may promise that a standby goes first."""
    assert "the standby first" not in PAGE
