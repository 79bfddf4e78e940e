"""JSON-RPC over a socket: which message is the answer to a call, and which one is a notification."""

from __future__ import annotations

import json

import pytest

from connectors.evm.rpc import socket
from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.socket import Closed, JsonRpc

URL = "ws://node:8546/key-of-somebody"
HEAD = json.dumps({"method": "eth_subscription", "params": {"result": {"number": "0x7"}}})


class Messages:
    """A socket that has received these messages, and keeps what is sent."""

    def __init__(self, *received: object) -> None:
        self._received = [each if isinstance(each, str) else json.dumps(each) for each in received]
        self.sent: list[object] = []

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    async def receive(self) -> str:
        if not self._received:
            raise Closed("closed with code 1000")
        return self._received.pop(0)


async def test_a_calls_answer_is_the_one_with_its_id() -> None:
    messages = Messages({"id": 7, "result": 1}, HEAD, {"id": 1, "result": "0x1"}, {"id": 2, "result": "0x2"})
    rpc = JsonRpc(URL, messages)
    assert [await rpc.call("a"), await rpc.call("b", "c", True)] == ["0x1", "0x2"]
    assert messages.sent == [
        {"jsonrpc": "2.0", "id": 1, "method": "a", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "b", "params": ["c", True]},
    ]


@pytest.mark.parametrize("id", [1, "1", 1.0])
async def test_an_id_may_come_back_as_a_text_or_a_fraction(id: object) -> None:
    assert await JsonRpc(URL, Messages({"id": id, "result": "0x1"})).call("a") == "0x1"


async def test_an_error_with_nobodys_id_is_of_the_call_that_is_open() -> None:
    error = {"id": None, "error": {"code": -32005, "message": "too many subscriptions"}}
    with pytest.raises(NodeFailure, match="too many subscriptions"):
        await JsonRpc(URL, Messages(HEAD, error)).call("a")


async def test_a_notification_is_what_has_a_method() -> None:
    rpc = JsonRpc(URL, Messages({"id": 1, "result": "0x1"}, {}, HEAD))
    notification = await rpc.notification()
    assert (notification.method, bytes(notification.params)) == (
        "eth_subscription",
        b'{"result": {"number": "0x7"}}',
    )
    with pytest.raises(Closed, match="1000"):
        await rpc.notification()


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 1, "result": None},
        {"id": 1, "error": {"code": -32601, "message": "no subscriptions for key-of-somebody"}},
        {"id": 1, "error": "x" * 250 + " https://key-of-somebody" + "x" * 100_000},
    ],
    ids=["null", "error", "long"],
)
async def test_an_answer_without_a_result_is_a_failure_of_that_node(answer: object) -> None:
    with pytest.raises(NodeFailure, match=r"^ws://node:8546/\*\*\*: a: ") as raised:
        await JsonRpc(URL, Messages(answer)).call("a")
    assert "key-of" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "text", ["nonsense", "[" * 50_000, "[]", "7"], ids=["text", "nested", "list", "number"]
)
async def test_what_is_not_json_rpc_ends_the_connection(text: str) -> None:
    with pytest.raises(Closed, match="a message that is not JSON-RPC"):
        await JsonRpc(URL, Messages(text)).call("a")


async def test_a_node_that_does_not_answer_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "ANSWER_SECONDS", 0.0)

    class Mute(Messages):
        async def receive(self) -> str:
            raise TimeoutError

    with pytest.raises(Closed, match="no answer to a in 0 s"):
        await JsonRpc(URL, Mute()).call("a")
