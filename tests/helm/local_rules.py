"""The chart's rules as the local stack has them.

`python -m tests.helm.local_rules > sandbox/observing/rules.yaml` writes them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import yaml

from sandbox.observing.configuration import NAMESPACE, RENDERED_FOR
from tests.helm import chart

HEAD: Final = """\
# Generated from the chart by `python -m tests.helm.local_rules > sandbox/observing/rules.yaml`. Do not edit.
"""
VALUES: Final = Path(__file__).with_name("local-values.yaml")


def text() -> str:
    """The whole file."""
    assert chart.NAMESPACE == NAMESPACE
    assert list(yaml.safe_load(VALUES.read_text())["chains"]) == [RENDERED_FOR]
    (made,) = chart.resources(VALUES, "PrometheusRule")
    return HEAD + yaml.safe_dump(made["spec"], sort_keys=False, width=1000)


if __name__ == "__main__":
    sys.stdout.write(text())
