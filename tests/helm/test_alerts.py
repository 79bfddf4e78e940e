"""Every alert is about metrics that exist, fires on its fault and only then, and is in the runbook."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from headwater.metrics.markdown import every, scraped
from sandbox.stack.roles import ROLES
from tests.helm.chart import ACCEPTED, made, resources
from tests.helm.rules import promtool, rules
from tests.paths import ROOT

CASES = Path(__file__).with_name("alerts.yaml")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")


def test_every_alert_is_about_metrics_and_labels_that_exist() -> None:
    metrics = {scraped(metric): metric for constants in every().values() for metric in constants.values()}
    # The namespace is Prometheus' own, of the pod that was scraped.
    labels = {name: {"namespace", *metric._labelnames} for name, metric in metrics.items()}
    for rule in rules():
        used = re.findall(r"(headwater_[a-z_]+)\{([^}]*)\}", rule["expr"])
        assert used, rule["alert"]
        for name, selectors in used:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in labels or base in labels, f"{rule['alert']}: {name}"
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
            assert asked <= labels.get(name, labels.get(base, set())), f"{rule['alert']}: {asked}"


def test_every_chain_has_an_alert_for_a_listener_that_is_gone() -> None:
    (values,) = (path for path in ACCEPTED if path.stem == "multi-chain-values")
    (made,) = resources(values, "PrometheusRule")
    gone = [
        each["expr"]
        for group in made["spec"]["groups"]
        for each in group["rules"]
        if each["alert"] == "HeadwaterListenerGone"
    ]
    chains = yaml.safe_load(values.read_text())["chains"]
    assert len(gone) == len(chains)
    assert all(any(f'chain="{chain}"' in expr for expr in gone) for chain in chains)


def gone(*options: str) -> set[str]:
    """The roles whose absence is an alert, where some values are set otherwise."""
    (values,) = (path for path in ACCEPTED if path.stem == "mainnet-ha-values")
    (rules,) = (each for each in made(values, *options) if each["kind"] == "PrometheusRule")
    return {
        each["labels"].get("role", "listen")
        for group in rules["spec"]["groups"]
        for each in group["rules"]
        if each["alert"] in ("HeadwaterListenerGone", "HeadwaterRoleGone")
    }


@pytest.mark.parametrize(
    ("option", "role"),
    [
        ("roles.deliver.replicas=0", "deliver"),
        ("roles.stages.alert.replicas=0", "alert"),
        ("roles.listen.replicas=0", "listen"),
        ("chains.ethereum.roles.deliver.replicas=0", "deliver"),
    ],
)
def test_a_role_that_is_not_to_run_is_not_missed(option: str, role: str) -> None:
    roles = {role.name for role in ROLES}
    assert gone() == roles
    assert gone("--set", option) == roles - {role}


def test_nobody_waits_for_blocks_to_be_visible_where_no_sink_runs() -> None:
    """An alert on what is missing would fire for ever."""
    (values,) = (path for path in ACCEPTED if path.stem == "minimal-values")
    options = ("--set", "alerts.enabled=true", "--set", "roles.sink.replicas=0")
    (found,) = (each for each in made(values, *options) if each["kind"] == "PrometheusRule")
    names = {rule["alert"] for group in found["spec"]["groups"] for rule in group["rules"]}
    assert not {"HeadwaterBlocksNotVisible", "HeadwaterBlocksLate", "HeadwaterSinkBehind"} & names
    assert "HeadwaterListenerGone" in names


def test_a_chain_may_have_limits_of_its_own() -> None:
    found = {
        (rule["alert"], chain): rule["expr"]
        for rule in rules("multi-chain")
        for chain in re.findall(r'chain="(\w+)"', rule["expr"])[:1]
    }
    assert found["HeadwaterFinalityStalled", "polygon"].endswith("> 600")
    assert found["HeadwaterFinalityStalled", "ethereum"].endswith("> 3600")
    assert "[2m:15s]) == 0" in found["HeadwaterHeadStalled", "polygon"]
    assert "[5m:15s]) == 0" in found["HeadwaterHeadStalled", "sepolia"]
    # What is not said of a chain is as it is for all.
    assert found["HeadwaterGroupLate", "polygon"] == found["HeadwaterGroupLate", "ethereum"].replace(
        "ethereum", "polygon"
    )


@pytest.mark.parametrize("part", ["Means", "Causes", "Run", "Escalate"])
def test_every_alert_has_its_entry_in_the_runbook(part: str) -> None:
    entries = dict(re.findall(r"^#### (Headwater\w+)\n(.*?)(?=^#{2,4} |\Z)", RUNBOOK, re.M | re.S))
    assert set(entries) == {rule["alert"] for rule in rules()}
    assert [alert for alert, text in entries.items() if f"**{part}**" not in text] == []
    for rule in rules():
        assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")


def test_every_alert_is_tried_with_its_fault_and_without() -> None:
    tried = Counter(
        (each["alertname"], bool(each["exp_alerts"]))
        for case in yaml.safe_load(CASES.read_text())["tests"]
        for each in case["alert_rule_test"]
    )
    assert set(tried) == {(rule["alert"], fires) for rule in rules() for fires in (True, False)}


def test_every_alert_fires_on_its_fault_and_is_silent_without(tmp_path: Path) -> None:
    promtool(tmp_path, CASES.read_text())
