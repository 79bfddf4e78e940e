"""The local stack's alert rules are the chart's, and no label of the operator's hides one of ours."""

from __future__ import annotations

from headwater.metrics.markdown import every
from sandbox.observing.configuration import CLUSTER_SCRAPE_SECONDS
from tests.helm import local_rules
from tests.helm.chart import ACCEPTED, resources
from tests.paths import ROOT

# What the Prometheus operator gives to the series of every pod.
OPERATORS = {"namespace", "pod", "container", "endpoint", "job", "instance"}


def test_the_local_stack_has_the_rules_that_the_chart_renders() -> None:
    committed = (ROOT / "sandbox" / "observing" / "rules.yaml").read_text("utf-8")
    assert committed == local_rules.text(), (
        "run `python -m tests.helm.local_rules > sandbox/observing/rules.yaml`"
    )


def test_a_label_that_the_operator_gives_too_stays_ours() -> None:
    ours = {
        label
        for constants in every().values()
        for metric in constants.values()
        for label in metric._labelnames
    }
    assert ours & OPERATORS == {"endpoint"}
    (values,) = (path for path in ACCEPTED if path.stem == "mainnet-ha-values")
    (monitor,) = resources(values, "PodMonitor")
    assert [each["honorLabels"] for each in monitor["spec"]["podMetricsEndpoints"]] == [True]
    assert [each["interval"] for each in monitor["spec"]["podMetricsEndpoints"]] == [
        f"{CLUSTER_SCRAPE_SECONDS}s"
    ]
