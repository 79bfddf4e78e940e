"""The chart's topics are those of the catalogue: Strimzi makes them, KEDA looks at them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.helm.chart import (
    named,
    resources,
    settings_of,
    workloads,
)
from tests.paths import ROOT
from topics.catalog import TOPICS, app_id, wanted


def test_keda_asks_for_topics_and_a_group_that_exist(tmp_path: Path) -> None:
    values = named("mainnet-ha")
    (scaled,) = resources(values, "ScaledObject")
    pod = workloads(values)["ethereum", "sink"]["spec"]["template"]["spec"]
    settings = settings_of(values, pod, pod["containers"][0], tmp_path)
    topics = wanted(settings)
    triggers = [each["metadata"] for each in scaled["spec"]["triggers"]]
    assert {each["consumerGroup"] for each in triggers} == {app_id(settings, "sink")}
    asked = {each["topic"] for each in triggers}
    assert asked == {name for name, (partitions, _) in topics.items() if partitions > 1}
    assert scaled["spec"]["maxReplicaCount"] <= max(topics[name][0] for name in asked)
    assert all(each["allowIdleConsumers"] == "false" for each in triggers)
    assert {each["sasl"] for each in triggers} == {"scram_sha512"}


def test_strimzi_makes_the_topics_of_the_catalogue(tmp_path: Path) -> None:
    values = named("multi-chain")
    made = {each["spec"]["topicName"]: each for each in resources(values, "KafkaTopic")}
    names = [each["metadata"]["name"] for each in made.values()]
    assert len(names) == len(set(names)) == len(resources(values, "KafkaTopic"))
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) for name in names)
    found = {}
    for (_, role), workload in workloads(values).items():
        if role == "listen":
            pod = workload["spec"]["template"]["spec"]
            found |= wanted(settings_of(values, pod, pod["containers"][0], tmp_path))
    assert {
        name: (each["spec"]["partitions"], each["spec"]["config"]) for name, each in made.items()
    } == found
    assert {each["spec"]["replicas"] for each in made.values()} == {3}
    assert not any("topics" in each["metadata"]["name"] for each in resources(values, "Job"))


def test_the_page_says_how_far_the_sink_scales() -> None:
    most = max(entry.partitions for entry in TOPICS if "sink" in entry.consumers)
    assert f"| `sink` | 1 to {most}: " in (ROOT / "docs" / "operations.md").read_text("utf-8")
