"""`headwater node check`: what it prints and leaves with; asking is tried elsewhere."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from typer.testing import CliRunner, Result

from connectors.evm.node_check.findings import Findings
from headwater.cli import build, node_check
from headwater.settings.layers import known, variable
from tests.paths import ROOT

GOOD = Findings(
    "http://a", chain_id=1, head=9, receipts="by_hash", batch=100, oldest_block=1, verified={8: ("receipts",)}
)
BAD = Findings("http://b", trouble="eth_chainId: HTTP 401 (is the key in its address right?)")


def invoked(monkeypatch: pytest.MonkeyPatch, found: list[Findings], *words: str) -> Result:
    async def check(urls: list[str], *_: object, **__: object) -> list[Findings]:
        assert urls
        return found

    monkeypatch.setattr(node_check, "check", check)
    return CliRunner().invoke(build(["node", "check"]), ["node", "check", *words])


@pytest.mark.parametrize(("found", "code"), [([GOOD], 0), ([GOOD, BAD], 3), ([BAD], 4)])
def test_scripts_see_whether_all_some_or_none_are_usable(
    monkeypatch: pytest.MonkeyPatch, found: list[Findings], code: int
) -> None:
    done = invoked(monkeypatch, found, "--rpc", "http://a", "--json")
    assert done.exit_code == code
    document = json.loads(done.stdout)
    assert [each["usable"] for each in document["endpoints"]] == [not each.trouble for each in found]
    assert set(document) == {"endpoints", "advice", "settings"}


def test_a_person_sees_a_table_advice_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = invoked(monkeypatch, [GOOD, BAD], "--rpc", "http://a").stdout
    assert "- http://b: not usable: eth_chainId: HTTP 401" in text
    assert "HEADWATER_CHAIN__RPC=http://a\n" in text
    assert "1 of 1: receipts" in text


def test_the_page_has_commands_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/nodes.md").read_text("utf-8")
    commands = re.findall(r"^headwater (node check .*)$", page, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert invoked(monkeypatch, [GOOD], *shlex.split(command)[2:]).exit_code == 0


def test_the_page_has_the_exit_codes() -> None:
    page = (ROOT / "docs/nodes.md").read_text("utf-8")
    told = set(map(int, re.findall(r"^\| (\d) \|", page, re.MULTILINE)))
    assert told == {0, 1, node_check.SOME_UNUSABLE, node_check.NONE_USABLE}


def test_the_settings_that_the_page_names_exist() -> None:
    page = (ROOT / "docs/nodes.md").read_text("utf-8")
    assert set(re.findall(r"HEADWATER_[A-Z_]+", page)) <= {variable(name) for name in known()}
