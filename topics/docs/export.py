"""What is generated from the catalogue: docs/topics.md, docs/asyncapi.yaml and the chart's topics.json.

They show a cluster of three brokers, and `<chain>` for the chain's name. A test compares them with the
committed files, so that neither is edited by hand nor forgotten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from headwater.settings import load_settings
from schemas.naming import versioned
from topics.catalog import TOPICS, wanted
from topics.docs.asyncapi import asyncapi
from topics.docs.markdown import markdown
from topics.groups import GROUPS

CHAIN: Final = "<chain>"
BROKERS: Final = 3
GENERATED: Final = "Generated from `topics/` by `headwater topics export`. Do not edit."

_SETTINGS = load_settings(
    {"chain": {"name": "chain-name"}, "kafka": {"replication": BROKERS}, "topic_prefix": ""}, environ={}
)


def files() -> dict[Path, str]:
    """Path from the root of the repository → content."""
    return {
        Path("docs/topics.md"): markdown(GENERATED, _of_faust()),
        Path("docs/asyncapi.yaml"): asyncapi(GENERATED, BROKERS),
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
    """Every topic with partitions, settings and readers, and what each group reads: the chart's bounds.

    `<chain>` stands for the chain's name.
    """
    readers = {f"{CHAIN}.{versioned(entry.stream)}": entry.consumers for entry in TOPICS}
    topics = [
        {
            "name": name,
            "partitions": partitions,
            "config": config,
            "read_by": list(readers.get(name, ())),
        }
        for name, (partitions, config) in _topics().items()
    ]
    groups = [{"name": group.name, "reads": f"{CHAIN}.{versioned(group.input)}"} for group in GROUPS]
    document = {"comment": GENERATED, "replication": BROKERS, "groups": groups, "topics": topics}
    return json.dumps(document, indent=2) + "\n"


def _topics() -> dict[str, tuple[int, dict[str, str]]]:
    """Every topic, those of the Faust applications included: name → partitions and settings."""
    named = wanted(_SETTINGS).items()
    return {name.replace(_SETTINGS.chain.name, CHAIN, 1): what for name, what in named}


def _of_faust() -> dict[str, tuple[int, dict[str, str]]]:
    catalogue = {f"{CHAIN}.{versioned(entry.stream)}" for entry in TOPICS}
    return {name: what for name, what in _topics().items() if name not in catalogue}
