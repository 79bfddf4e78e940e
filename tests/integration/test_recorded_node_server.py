"""The recorded node over real sockets: HTTP, WebSocket, scripted faults, recording from it, the commands."""

import asyncio
import gc
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import orjson
import pytest

from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.endpoint import AiohttpTransport, Endpoint
from connectors.evm.rpc.socket import Closed, connect
from headwater.errors import Fatal, Transient
from sandbox.node import AdjustableChain, LoopedChain, RecordedChain, RecordedNode
from sandbox.node.faults import HTML, CallError, Cut, Disconnect, NullResult, Silence, too_many_requests
from sandbox.node.plan import Plan, Play
from sandbox.node.record import Recorder


async def post(
    session: aiohttp.ClientSession, url: str, method: str, *params: object
) -> aiohttp.ClientResponse:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return await session.post(url, data=orjson.dumps(body))


async def test_http_and_transport_faults() -> None:
    node = RecordedNode(AdjustableChain.synthetic(3, chain_id=9))
    async with node.serve(), aiohttp.ClientSession() as session:
        honest = await (await post(session, node.url, "eth_chainId")).json()
        assert honest == {"jsonrpc": "2.0", "id": 1, "result": "0x9"}
        node.faults.add(too_many_requests(2))
        answer = await post(session, node.url, "eth_chainId")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
        node.faults.add(HTML)
        assert (await (await post(session, node.url, "eth_chainId")).text()).startswith("<html>")
        node.faults.add(Cut())
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(await (await post(session, node.url, "eth_getBlockByNumber", "0x1", True)).read())
        node.faults.add(Disconnect())
        with pytest.raises(aiohttp.ClientError):
            await post(session, node.url, "eth_chainId")
        node.faults.add(Silence(30))
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
        with pytest.raises(TimeoutError):
            await session.post(node.url, data=body, timeout=aiohttp.ClientTimeout(total=0.2))
        assert (await (await post(session, node.url, "eth_chainId")).json())["result"] == "0x9"
        assert node.calls["eth_chainId"] == 6


async def test_bodies_that_end_in_the_middle_or_grow_when_they_are_read() -> None:
    faults = [
        {"kind": "half_written", "methods": ["eth_getBlockByNumber"]},
        {"kind": "oversized", "bytes": 3_000_000, "compressed": True, "methods": ["eth_blockNumber"]},
        {"kind": "garbage", "body": "not_utf8", "methods": ["eth_syncing"]},
    ]
    plan = Play(Plan.model_validate({"faults": faults}))
    node = RecordedNode(AdjustableChain.synthetic(3), plan=plan)
    async with node.serve(), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientPayloadError):
            await (await post(session, node.url, "eth_getBlockByNumber", "0x1", True)).read()
        answer = await post(session, node.url, "eth_blockNumber")
        body = await answer.read()
        assert int(answer.headers["Content-Length"]) < 5_000
        assert len(body) > 3_000_000
        assert orjson.loads(body)["result"] == "0x3"
        with pytest.raises(UnicodeDecodeError):
            (await (await post(session, node.url, "eth_syncing")).read()).decode()
        transport = AiohttpTransport(10.0, limit=2_000_000)
        try:
            with pytest.raises(NodeFailure, match="an answer above 2000000 bytes"):
                await Endpoint("chain", "node", node.url, transport).call("eth_blockNumber")
        finally:
            await transport.close()


@pytest.mark.parametrize("kind", ["half_open", "silent_subscription"])
async def test_a_websocket_that_falls_silent(kind: str) -> None:
    now = [0.0]
    plan = Plan.model_validate({"faults": [{"kind": kind, "start": 1}]})
    chain = AdjustableChain.synthetic(3)
    node = RecordedNode(chain, plan=Play(plan, lambda: now[0]))
    chain.listen(node.announce)
    async with node.serve(), aiohttp.ClientSession() as session, session.ws_connect(node.ws_url) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
        await socket.receive_json()
        chain.extend()
        assert (await socket.receive_json())["params"]["result"]["number"] == "0x4"
        now[0] = 1.0
        chain.extend()
        await socket.send_json({"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": []})
        if kind == "silent_subscription":
            assert (await socket.receive_json())["result"] == "0x5", "the answer, and no head before it"
            return
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.2)
        with pytest.raises(Closed, match="cannot connect"):
            async with connect(node.ws_url, seconds=0.2):
                pass


async def test_new_heads_over_a_websocket_with_a_fork() -> None:
    chain = AdjustableChain.synthetic(3)
    node = RecordedNode(chain)
    chain.listen(node.announce)
    async with node.serve(), aiohttp.ClientSession() as session, session.ws_connect(node.ws_url) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
        subscription = (await socket.receive_json())["result"]
        await socket.send_json({"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": []})
        assert (await socket.receive_json())["result"] == "0x3"
        added = [*chain.extend(2), *chain.fork(2)]
        for block in added:
            pushed = (await socket.receive_json())["params"]
            assert pushed["subscription"] == subscription
            assert (pushed["result"]["hash"], pushed["result"]["parentHash"]) == (block.hash, block.parent)
            assert "transactions" not in pushed["result"]
        await socket.send_json(
            {"jsonrpc": "2.0", "id": 3, "method": "eth_unsubscribe", "params": [subscription]}
        )
        assert (await socket.receive_json())["result"] is True
        await socket.send_json({"jsonrpc": "2.0", "id": 4, "method": "eth_subscribe", "params": ["syncing"]})
        assert "error" in await socket.receive_json()


def test_serving_from_a_thread() -> None:
    import urllib.request

    with RecordedNode(AdjustableChain.synthetic(3)).serve_in_thread() as node:
        body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
        request = urllib.request.Request(node.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert orjson.loads(answer.read())["result"] == "0x3"


def test_a_client_that_reads_nothing_keeps_no_socket_of_a_node_that_ended() -> None:
    faults = [{"kind": "oversized", "bytes": 64_000_000, "methods": ["eth_blockNumber"]}]
    node = RecordedNode(AdjustableChain.synthetic(3), plan=Play(Plan.model_validate({"faults": faults})))
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    with socket.socket() as client, node.serve_in_thread():
        client.connect(("127.0.0.1", node.port))
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert client.recv(1)
    # What was not closed is said by its finalizer, and pytest takes that for an error of this test.
    gc.collect()


@pytest.mark.parametrize("turns", range(4))
async def test_clients_that_connect_while_a_node_ends_keep_no_socket_of_it(turns: int) -> None:
    with ExitStack() as clients:
        async with RecordedNode(AdjustableChain.synthetic(3)).serve() as node:
            # The kernel connects them while the node's loop stands still, as it may on a busy machine.
            for _ in range(8):
                clients.enter_context(socket.create_connection(("127.0.0.1", node.port)))
            for _ in range(turns):  # of the loop, in which it accepts them, one step after the other
                await asyncio.sleep(0)
        gc.collect()


async def test_recording_survives_faults_resumes_and_reads_back(tmp_path: Path) -> None:
    chain = LoopedChain(AdjustableChain.synthetic(4, chain_id=12), 2)
    node = RecordedNode(chain)
    started: list[tuple[int, int]] = []
    stored: list[int] = []
    async with node.serve(), aiohttp.ClientSession() as session:
        recorder = Recorder(session, node.url, tmp_path / "rec", concurrency=2)
        node.faults.add(too_many_requests(0), "eth_getBlockByNumber")
        node.faults.add(NullResult(), "eth_getBlockByNumber")
        node.faults.add(Cut(), "eth_getBlockReceipts")
        node.faults.add(CallError(-32601, "no such method"), "eth_getBlockReceipts")
        await recorder.record("2", "5", lambda first, last: started.append((first, last)), stored.append)
        asked = node.calls["eth_getBlockByNumber"]
        await recorder.record("2", "latest", lambda first, last: started.append((first, last)), stored.append)
        assert node.calls["eth_getBlockByNumber"] == asked + 1 + 3  # the tag, and blocks 6 to 8
        with pytest.raises(Transient, match="no block 9"):
            await recorder.record("9", "9", lambda *_: None, stored.append)
        other = RecordedNode(AdjustableChain.synthetic(2))
        async with other.serve():
            with pytest.raises(Fatal, match="holds chain 12"):
                await Recorder(session, other.url, tmp_path / "rec").record(
                    "1", "1", lambda *_: None, stored.append
                )
    assert started == [(2, 5), (2, 8)]
    assert sorted(stored) == sorted([2, 3, 4, 5, 2, 3, 4, 5, 6, 7, 8])
    read = RecordedChain([tmp_path / "rec"])
    assert (read.chain_id, read.first(), read.last()) == (12, 2, 8)
    for number in range(2, 9):
        mine, theirs = read.by_number(number), chain.by_number(number)
        assert mine is not None
        assert theirs is not None
        for part in ("block", "receipts", "logs"):
            assert orjson.loads(mine.part(part) or b"") == orjson.loads(theirs.part(part) or b"")


async def test_the_commands_record_and_serve(tmp_path: Path) -> None:
    node = RecordedNode(AdjustableChain.synthetic(3))
    async with node.serve(), aiohttp.ClientSession() as session:
        words = ("record", str(tmp_path / "rec"), "--rpc", node.url, "--from", "1", "--to", "latest")
        recording = await _headwater("node", *words)
        assert await recording.wait() == 0
        serving = await _headwater(
            *("node", "serve", str(tmp_path / "rec"), "--port", "0", "--loop", "2", "--pace", "0.05")
        )
        assert serving.stdout is not None
        line = (await serving.stdout.readline()).decode()
        assert "chain 31337 blocks 1..6" in line
        url = line.split()[0]
        async with asyncio.timeout(20), session.ws_connect(url) as socket:
            await socket.send_json(
                {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
            )
            await socket.send_json({"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": []})
            while True:
                message = await socket.receive_json()
                if (
                    message.get("params", {}).get("result", {}).get("number") == "0x6"
                    or message.get("result") == "0x6"
                ):
                    break
        serving.send_signal(signal.SIGTERM)
        assert await serving.wait() == 0


async def _headwater(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "headwater", *words, stdout=asyncio.subprocess.PIPE
    )
