"""What is generated from the catalogue: docs/topics.md, docs/asyncapi.yaml and the chart's topics.json.

A test compares them with the committed files, so that neither is edited by hand nor forgotten.
"""

from __future__ import annotations

import json
from pathlib import Path

from topics.docs.asyncapi import asyncapi
from topics.docs.markdown import markdown
from topics.docs.shown import BROKERS, GENERATED, shown


def files() -> dict[Path, str]:
    """Path from the root of the repository → content."""
    return {
        Path("docs/topics.md"): markdown(),
        Path("docs/asyncapi.yaml"): asyncapi(),
        Path("helm/headwater/files/topics.json"): chart(),
    }


def drift(root: Path) -> list[Path]:
    """The files under `root` that differ from what the catalogue says, or are missing."""
    return [
        path
        for path, text in files().items()
        if not (root / path).is_file() or (root / path).read_text("utf-8") != text
    ]


def write(root: Path) -> list[Path]:
    """Bring the files under `root` up to date; which of them changed."""
    stale = drift(root)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(files()[path], "utf-8")
    return stale


def chart() -> str:
    """Every topic with partitions and settings, `<chain>` standing for the chain's name."""
    topics = [
        {"name": name, "partitions": partitions, "config": config}
        for name, (partitions, config) in shown().items()
    ]
    return json.dumps({"comment": GENERATED, "replication": BROKERS, "topics": topics}, indent=2) + "\n"
