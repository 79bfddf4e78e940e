"""The alert rules that the chart renders for Ethereum, and promtool over them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests.helm import toolbox
from tests.helm.chart import ACCEPTED, Resource, resources


def rules(example: str = "mainnet-ha") -> list[Resource]:
    """The rules of an example of values."""
    (values,) = (path for path in ACCEPTED if path.stem == f"{example}-values")
    (made,) = resources(values, "PrometheusRule")
    (group,) = made["spec"]["groups"]
    found: list[Resource] = group["rules"]
    return found


def promtool(folder: Path, cases: str, checked: Iterable[Resource] | None = None) -> None:
    """Check rules, all where none are given, and have promtool test them; `[RULES]` is their file."""
    found = list(rules() if checked is None else checked)
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "headwater", "rules": found}]}))
    (folder / "cases.yaml").write_text(cases.replace("[RULES]", "[rules.yaml]"))
    for arguments in (("check", "rules", "rules.yaml"), ("test", "rules", "cases.yaml")):
        done = subprocess.run(
            [toolbox.promtool(), *arguments], capture_output=True, text=True, check=False, cwd=folder
        )
        assert done.returncode == 0, done.stdout + done.stderr
