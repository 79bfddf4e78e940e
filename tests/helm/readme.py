"""The chart's README: its values with what their comments say. `python -m tests.helm.readme` prints it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.helm.chart import ACCEPTED, CHART

HEAD: Final = """\
# The chart headwater

Generated from `values.yaml` by `python -m tests.helm.readme > helm/headwater/README.md`: edit the
comments there.

Installing, upgrading and scaling are in [docs/operations.md](../../docs/operations.md). `ci/` has whole
examples: {examples}.

| value | default | meaning |
| --- | --- | --- |
"""
_KEY: Final = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):")


def markdown() -> str:
    """The whole page."""
    examples = ", ".join(f"[{path.stem}](ci/{path.name})" for path in ACCEPTED)
    text = (CHART / "values.yaml").read_text("utf-8")
    defaults = yaml.safe_load(text)
    return HEAD.format(examples=examples) + "".join(_rows(text, defaults))


def described(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path of keys, what its comment says) of every value whose comment begins with `# --`."""
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("#"):
            comment += [stripped.removeprefix("# ")] if comment else []
        elif found := _KEY.match(line):
            indent = len(found["indent"])
            path = [each for each in path if each[0] < indent] + [(indent, found["key"])]
            if comment:
                yield tuple(key for _, key in path), " ".join(comment)
            comment = []
        else:
            comment = []


def _rows(text: str, defaults: Any) -> Iterator[str]:
    for path, meaning in described(text):
        value = defaults
        for key in path:
            value = value[key]
        shown = json.dumps(value, separators=(", ", ": ")).replace("|", "\\|")
        yield f"| `{'.'.join(path)}` | `{shown}` | {meaning} |\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
