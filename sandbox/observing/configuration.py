"""What Prometheus and Alertmanager are told: whom to scrape, the chart's rules for this chain, how fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.observing import lapse

NAMESPACE: Final = "headwater"
"""Label of every series, which the chart's rules ask for: on a cluster it is the pods'."""
RENDERED_FOR: Final = "local"
"""The chain that `rules.yaml` was rendered for."""
SCRAPE_SECONDS: Final = 5
CLUSTER_SCRAPE_SECONDS: Final = 15
"""The chart's `podMonitor.interval`, which a time lapse divides."""
LOOKBACK_SECONDS: Final = 300
"""How long Prometheus goes by a sample that no later one follows, by default."""


def rules(chain: str, time_lapse: float = 1) -> dict[str, Any]:
    """The chart's alert rules for a chain, as Prometheus reads them, so many times as fast."""
    text = resources.files("sandbox.observing").joinpath("rules.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    (group,) = found["groups"]
    group["rules"] = [lapse.rule(rule, time_lapse) for rule in group["rules"]]
    for rule in group["rules"]:
        rule["expr"] = rule["expr"].replace(f'chain="{RENDERED_FOR}"', f'chain="{chain}"')
        annotations = rule["annotations"]
        annotations["summary"] = annotations["summary"].replace(f"chain {RENDERED_FOR}.", f"chain {chain}.")
    return found


def scrape_interval(time_lapse: float) -> str:
    """Between two scrapes: the cluster's in time lapse, and never more than this machine's own."""
    return f"{round(1000 * min(SCRAPE_SECONDS, CLUSTER_SCRAPE_SECONDS / time_lapse))}ms"


def prometheus(
    metrics_ports: Mapping[str, int], alertmanager_port: int, time_lapse: float = 1
) -> dict[str, Any]:
    """Prometheus' configuration; `metrics_ports`: role → port. The rules lie beside it."""
    interval = scrape_interval(time_lapse)
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yaml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
        },
        "scrape_configs": [
            {
                "job_name": NAMESPACE,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": NAMESPACE, "pod": role}}
                    for role, port in metrics_ports.items()
                ],
            }
        ],
    }


def alertmanager() -> dict[str, Any]:
    """Alertmanager's configuration: alerts are shown on its page and sent to nobody."""
    return {
        "route": {"receiver": "page", "group_by": ["alertname", "chain"], "group_wait": "1s"},
        "receivers": [{"name": "page"}],
    }


def write(
    folder: Path,
    chain: str,
    metrics_ports: Mapping[str, int],
    alertmanager_port: int,
    time_lapse: float = 1,
) -> None:
    """All files of both."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "rules.yaml": rules(chain, time_lapse),
        "prometheus.yaml": prometheus(metrics_ports, alertmanager_port, time_lapse),
        "alertmanager.yaml": alertmanager(),
    }.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
