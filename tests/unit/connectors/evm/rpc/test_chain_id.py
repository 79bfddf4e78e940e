"""A node's chain id, and what is not one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from connectors.evm.rpc import chain_id, once
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater.cli.migrate import chain_id_from_nodes
from headwater.settings import ChainSettings, Settings

URL = "http://node:8545/secret"
NOT_IDS = [None, 1, True, "1", "mainnet", "0x", "0xzz", "0x_1", "0x-1", "0x" + "f" * 17, {}, []]


def answering(answer: object) -> Callable[..., object]:
    def ask(url: str, method: str, *params: object, seconds: float) -> object:
        assert (url, method, params) == (URL, "eth_chainId", ())
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_a_quantity_is_a_chain_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "ask", answering("0x2105"))
    assert chain_id.ask(URL, seconds=1.0) == 8453


@pytest.mark.parametrize("answer", NOT_IDS, ids=repr)
def test_an_answer_over_a_connection_of_ones_own_is_read_alike(answer: object) -> None:
    assert chain_id.read("b", "0x7A69") == 31337
    with pytest.raises(NodeFailure, match=r"^b: eth_chainId: .* is not a chain id"):
        chain_id.read("b", answer)


@pytest.mark.parametrize("answer", [*NOT_IDS, Unsupported("node", "eth_chainId: unknown method")], ids=str)
def test_anything_else_is_a_failure_of_that_node(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(once, "ask", answering(answer))
    with pytest.raises(NodeFailure, match=r"http://node:8545.*(is not a chain id|unknown method)") as raised:
        chain_id.ask(URL, seconds=1.0)
    assert "secret" not in str(raised.value)


def test_migrate_says_which_node_could_not_tell_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(once, "ask", answering("mainnet"))
    assert chain_id_from_nodes(Settings(chain=ChainSettings(name="ethereum", rpc=[SecretStr(URL)]))) == 1
    assert "http://node:8545" in (err := capsys.readouterr().err)
    assert "secret" not in err
