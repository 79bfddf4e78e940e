"""Which series a panel shows: of metrics in the closed list, of the namespace and chain that are chosen."""

from __future__ import annotations

from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from headwater.metrics.markdown import scraped

VARIABLES: Final = ("namespace", "chain")
INTERVAL: Final = "$__rate_interval"


def series(metric: MetricWrapperBase, *matchers: str, part: str = "") -> str:
    """The metric's series; `part` is `_bucket`, `_sum` or `_count` of a histogram."""
    # The namespace is Prometheus' own, of the pod that was scraped; some metrics have no chain.
    labels = [name for name in VARIABLES if name == "namespace" or name in metric._labelnames]
    chosen = [*(f'{name}=~"${name}"' for name in labels), *matchers]
    return f"{scraped(metric)}{part}{{{', '.join(chosen)}}}"


def rate(metric: MetricWrapperBase, *by: str, matchers: tuple[str, ...] = (), part: str = "") -> str:
    """How often a second, summed by labels."""
    return f"sum by ({', '.join(by)}) (rate({series(metric, *matchers, part=part)}[{INTERVAL}]))"


def quantile(metric: MetricWrapperBase, share: float, *by: str) -> str:
    """The value that a share of what a histogram observed lies below."""
    buckets = rate(metric, *by, "le", part="_bucket")
    return f"histogram_quantile({share:g}, {buckets})"


def highest(metric: MetricWrapperBase, *by: str, matchers: tuple[str, ...] = ()) -> str:
    """The highest series of a gauge, by labels."""
    return f"max by ({', '.join(by)}) ({series(metric, *matchers)})"
