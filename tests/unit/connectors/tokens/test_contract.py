"""What contracts say of themselves: honest ones, old ones, and those that try something."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import sha3
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.tokens.contract import DECIMALS, MOST_BYTES, NAME, SYMBOL, Node, described
from connectors.tokens.description import Token
from connectors.tokens.text import read, written
from headwater.errors import Permanent

GOLD = "0x" + "aa" * 20
SIX = (6).to_bytes(32, "big")


def contract(**answers: bytes) -> Token:
    """What is made of a contract with these answers; it has 6 decimals if nothing else is given."""
    results = {DECIMALS: answers.get("decimals", SIX)}
    results |= {SYMBOL: answers.get("symbol", b""), NAME: answers.get("name", b"")}

    def call(address: str, data: str) -> bytes:
        assert address == GOLD
        return results[data]

    return described(call, GOLD)


def string(text: str) -> bytes:
    return encode(["string"], [text])


def test_the_calls_are_those_of_the_standard() -> None:
    for data, signature in ((DECIMALS, "decimals()"), (SYMBOL, "symbol()"), (NAME, "name()")):
        assert data == f"0x{sha3.keccak_256(signature.encode()).hexdigest()[:8]}"


def test_a_contract_says_what_it_is() -> None:
    assert contract(symbol=string("USDC"), name=string("USD Coin")) == Token(GOLD, 6, "USDC", "USD Coin")
    assert contract(symbol=string(""), name=string("ß" * 200)) == Token(GOLD, 6, "", "ß" * 200)
    # EIP-20: name and symbol are optional.
    assert contract() == Token(GOLD, 6)
    assert contract(decimals=(255).to_bytes(32, "big")) == Token(GOLD, 255)


def test_old_contracts_say_it_in_bytes32() -> None:
    maker = contract(symbol=b"MKR".ljust(32, b"\0"), name=b"Maker".ljust(32, b"\0"))
    assert maker == Token(GOLD, 6, "MKR", "Maker")
    assert contract(symbol=b"S" * 32).symbol == "S" * 32
    assert contract(symbol=bytes(32)).symbol == ""


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"decimals": b""}, f"{GOLD} has no decimals.*see that it is a token of this chain"),
        ({"decimals": b"\6"}, "has no decimals"),
        ({"decimals": (256).to_bytes(32, "big")}, f"{GOLD}: decimals is 256; .*by hand"),
        ({"decimals": b"\xff" * 32}, "decimals is 115792"),
        ({"symbol": b"\xff" + bytes(31)}, "symbol: neither string nor bytes32"),
        ({"symbol": b"a\0b".ljust(32, b"\0")}, r"symbol: character 2 is U\+0000"),
        ({"symbol": string("US\u202eDC")}, r"symbol: character 3 is U\+202E"),
        ({"symbol": string("S" * 65)}, "symbol has 65 characters"),
        ({"name": string("n" * 4_096)}, "name: an answer of 4,160 bytes"),
        ({"name": bytes(31)}, "name: neither string nor bytes32"),
        ({"name": SIX + (2**255).to_bytes(32, "big")}, "name: neither string nor bytes32"),
        ({"name": (32).to_bytes(32, "big") + (10**9).to_bytes(32, "big")}, "neither string nor bytes32"),
        ({"name": (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big")}, "neither string nor bytes32"),
        ({"name": (32).to_bytes(32, "big") + b"\xff" * 64}, "neither string nor bytes32"),
        ({"name": (32).to_bytes(32, "big") * 1 + (2).to_bytes(32, "big") + b"\xff" * 32}, "neither string"),
    ],
)
def test_what_no_token_can_say_is_refused(answers: Mapping[str, bytes], problem: str) -> None:
    with pytest.raises(Permanent, match=problem):
        contract(**answers)


@given(st.binary(max_size=MOST_BYTES + 64), st.binary(max_size=200), st.binary(max_size=96))
def test_whatever_a_contract_says_is_a_token_or_refused(symbol: bytes, name: bytes, number: bytes) -> None:
    try:
        token = contract(symbol=symbol, name=name, decimals=number)
    except Permanent:
        return
    assert read(written([token], 1), "t.yaml", 1) == {GOLD: token}


def ask(answer: object) -> object:
    def answered(url: str, method: str, *params: object, seconds: float, limit: int) -> object:
        assert method == "eth_call"
        assert params == ({"to": GOLD, "data": SYMBOL}, "latest")
        assert limit <= 1 << 20
        if isinstance(answer, Exception):
            raise answer
        return answer

    return answered


URL = "http://node/KEY"


@pytest.mark.parametrize(
    "answer",
    [
        "0x",
        NodeFailure("node", "eth_call: error 3: execution reverted: limit exceeded", "throttled"),
        Unsupported("node", "eth_call: error -32000: VM Exception: revert, does not exist"),
        NodeFailure("node", "eth_call: error -32000: invalid opcode: INVALID", "error"),
        NodeFailure("node", "eth_call: error -32000: out of gas", "error"),
    ],
)
def test_a_contract_without_the_function_returns_nothing(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "ask", ask(answer))
    assert Node(URL).call(GOLD, SYMBOL) == b""


@pytest.mark.parametrize(
    "answer",
    [
        NodeFailure("node", "eth_call: no answer in time", "timeout"),
        NodeFailure("node", "eth_call: HTTP 429, too many requests", "throttled"),
        Unsupported("node", "eth_call: error -32601: method not found"),
        None,
        7,
        "0x0",
        "0xzz",
        "ff",
        {"result": "0x"},
    ],
)
def test_a_failure_of_the_node_is_no_answer_of_the_contract(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "ask", ask(answer))
    with pytest.raises((NodeFailure, Unsupported)):
        Node(URL).call(GOLD, SYMBOL)


def test_the_bytes_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "ask", ask("0x00ff"))
    assert Node(URL).call(GOLD, SYMBOL) == b"\0\xff"
