"""`headwater tokens` over a topic in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.evm.rpc import chain_id as chain_ids
from connectors.tokens import topic
from connectors.tokens.contract import DECIMALS, Node
from connectors.tokens.description import Token
from connectors.tokens.topic import Revision
from headwater.cli import build
from headwater.errors import Fatal
from headwater.settings import Settings

GOLD, LEAD = "0x" + "aa" * 20, "0x" + "bb" * 20


class Topic:
    """The topic: `current` and `revise` in place of the real ones."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.writes: list[tuple[int, Mapping[str, Token | None]]] = []

    def current(self, settings: Settings) -> dict[str, Token]:
        return dict(self.tokens)

    def revise(self, settings: Settings, chain_id: int, revision: Revision) -> Mapping[str, Token | None]:
        changes = revision(dict(self.tokens))
        self.writes.append((chain_id, changes))
        for own, change in changes.items():
            if change is None:
                del self.tokens[own]
            else:
                self.tokens[own] = change
        return changes


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Topic:
    made = Topic()
    monkeypatch.setattr(topic, "current", made.current)
    monkeypatch.setattr(topic, "revise", made.revise)
    monkeypatch.setenv("HEADWATER_CHAIN__NAME", "ethereum")
    monkeypatch.chdir(tmp_path)
    return made


def run(*words: str) -> Any:
    return CliRunner().invoke(build(words), list(words))


def test_tokens_become_what_the_file_says(tokens: Topic, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(
        f'- {{address: "{GOLD}", symbol: GLD, decimals: 6}}\n- {{address: "{LEAD}", decimals: 0}}\n'
    )
    assert run("tokens", "apply", "t.yaml").output == "2 tokens; 2 new or changed, 0 taken out\n"
    assert tokens.tokens == {GOLD: Token(GOLD, 6, "GLD"), LEAD: Token(LEAD, 0)}
    assert run("tokens", "apply", "t.yaml").output == "2 tokens; 0 new or changed, 0 taken out\n"
    file.write_text(f'{{address: "{GOLD}", symbol: GLD, decimals: 8}}')
    assert run("tokens", "apply", "t.yaml").output == "1 tokens; 1 new or changed, 1 taken out\n"
    assert tokens.writes == [
        (1, {GOLD: Token(GOLD, 6, "GLD"), LEAD: Token(LEAD, 0)}),
        (1, {}),
        (1, {LEAD: None, GOLD: Token(GOLD, 8, "GLD")}),
    ]


def test_what_is_shown_can_be_applied(tokens: Topic, tmp_path: Path) -> None:
    tokens.tokens = {LEAD: Token(LEAD, 0, "no"), GOLD: Token(GOLD, 6, "GLD", "Gold: the “real” one")}
    shown = run("tokens", "show").output
    assert shown.index(GOLD) < shown.index(LEAD)
    (tmp_path / "t.yaml").write_text(shown, "utf-8")
    assert "0 new or changed, 0 taken out" in run("tokens", "apply", "t.yaml").output


def test_tokens_are_removed_all_or_none(tokens: Topic) -> None:
    tokens.tokens = {GOLD: Token(GOLD, 6)}
    failed = run("tokens", "remove", GOLD, LEAD).exception
    assert isinstance(failed, Fatal)
    assert str(failed) == f"{LEAD} is not described; see `headwater tokens show`"
    assert tokens.tokens
    assert isinstance(run("tokens", "remove", "gold").exception, Fatal)
    assert run("tokens", "remove", GOLD.upper().replace("0X", "0x")).exit_code == 0
    assert not tokens.tokens


def test_a_bad_file_changes_nothing(tokens: Topic, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(f'- {{address: "{GOLD}", decimals: 6, chain_id: 10}}')
    assert "is of chain 10, not of 1" in str(run("tokens", "apply", "t.yaml").exception)
    assert "cannot read none.yaml" in str(run("tokens", "apply", "none.yaml").exception)
    assert tokens.writes == []


def test_a_chain_without_a_known_id_is_asked_for_it(
    tokens: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_CHAIN__NAME", "somewhere")
    (tmp_path / "t.yaml").write_text("[]")
    refused = run("tokens", "apply", "t.yaml").exception
    assert str(refused) == "the id of chain somewhere is not known; set chain.chain_id"


def node_of(monkeypatch: pytest.MonkeyPatch, chain_id: int, decimals: Mapping[str, int]) -> None:
    """A node of a chain whose contracts have decimals and nothing else."""

    def call(self: Node, own: str, data: str) -> bytes:
        return decimals[own].to_bytes(32, "big") if data == DECIMALS and own in decimals else b""

    monkeypatch.setattr(Node, "call", call)
    monkeypatch.setattr(chain_ids, "ask", lambda url, seconds: chain_id)
    monkeypatch.setenv("HEADWATER_CHAIN__RPC", "http://127.0.0.1:9/KEY")
    monkeypatch.setenv("HEADWATER_CHAIN__CHAIN_ID", "1")


def test_what_contracts_say_is_printed_and_nothing_changed(
    tokens: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node_of(monkeypatch, 1, {LEAD: 9})
    done = run("tokens", "fetch", LEAD, LEAD)
    assert done.exit_code == 0
    (tmp_path / "t.yaml").write_text(done.stdout)
    assert tokens.writes == []
    run("tokens", "apply", "t.yaml")
    assert tokens.tokens == {LEAD: Token(LEAD, 9)}
    done = run("tokens", "fetch", GOLD, LEAD)
    assert done.exit_code == 1
    assert done.stdout.count("address") == 1
    assert f"headwater: {GOLD} has no decimals()" in done.stderr
    done = run("tokens", "fetch", GOLD)
    assert (done.exit_code, done.stdout) == (1, "")


def test_a_node_of_another_chain_is_not_asked(tokens: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    node_of(monkeypatch, 10, {LEAD: 9})
    refused = run("tokens", "fetch", LEAD).exception
    assert str(refused) == "the node is of chain 10, not of 1; name a node of the chain by --rpc"


def test_without_a_node_there_is_nothing_to_ask(tokens: Topic) -> None:
    assert "name one by --rpc" in str(run("tokens", "fetch", LEAD).exception)
