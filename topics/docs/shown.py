"""The catalogue as the documents show it: a cluster of three brokers, `<chain>` for the chain's name."""

from __future__ import annotations

from typing import Final

from headwater.settings import load_settings
from topics.catalog import wanted

CHAIN: Final = "<chain>"
BROKERS: Final = 3
GENERATED: Final = "Generated from `topics/` by `headwater topics export`. Do not edit."

_SETTINGS = load_settings(
    {"chain": {"name": "chain-name"}, "kafka": {"replication": BROKERS}, "topic_prefix": ""}, environ={}
)


def shown() -> dict[str, tuple[int, dict[str, str]]]:
    """Every topic, those of the Faust applications included: name → partitions and settings."""
    named = wanted(_SETTINGS).items()
    return {name.replace(_SETTINGS.chain.name, CHAIN, 1): what for name, what in named}
