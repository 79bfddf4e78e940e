"""The tokens of `headwater up`: what is said of them, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from connectors.tokens import text, topic
from connectors.tokens.description import Token
from connectors.tokens.topic import Revision
from headwater.settings import Settings, load_settings
from sandbox.services.anvil import CHAIN_ID
from sandbox.stack.describing import TOKENS, describe_tokens
from sandbox.traffic.deployment import places, script


def test_what_is_said_is_what_the_traffic_deploys() -> None:
    tokens = text.read(TOKENS.read_text("utf-8"), TOKENS.name, CHAIN_ID)
    assert list(tokens) == [places().gold, places().silver, places().collectible]
    # The constructors' arguments stand in the data of the first three creations.
    for each, step in zip(tokens.values(), script(), strict=False):
        assert each.name.encode() in step.data
        assert each.symbol.encode() in step.data


class Topic:
    """The topic in memory."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.revisions = 0

    def current(self, settings: Settings) -> dict[str, Token]:
        return dict(self.tokens)

    def revise(self, settings: Settings, chain_id: int, revision: Revision) -> Mapping[str, Token | None]:
        assert chain_id == CHAIN_ID
        self.revisions += 1
        changes = revision(dict(self.tokens))
        self.tokens |= {own: each for own, each in changes.items() if each is not None}
        return changes


def test_the_users_own_words_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Topic()
    monkeypatch.setattr(topic, "current", made.current)
    monkeypatch.setattr(topic, "revise", made.revise)
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    assert describe_tokens(settings, CHAIN_ID) == "tokens in units: HWB, HWG, HWS"
    assert describe_tokens(settings, CHAIN_ID) == "tokens in units: HWB, HWG, HWS"
    assert made.revisions == 1
    made.tokens[places().gold] = Token(places().gold, 2, "MINE")
    del made.tokens[places().silver]
    assert describe_tokens(settings, CHAIN_ID) == "tokens in units: HWB, MINE"
    assert made.revisions == 1
