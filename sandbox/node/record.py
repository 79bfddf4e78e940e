"""Storing a node's answers in the files that `recording` reads back; a stored block is skipped."""

import asyncio
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp
import orjson

from connectors.evm.rpc import chain_id as chain_ids
from connectors.evm.rpc.endpoint import ANSWER_BYTES, read_bounded
from headwater.digits import decimal, quantity
from headwater.errors import Fatal, Transient
from headwater.redaction import mask_url, secrets_of
from headwater.retry import Backoff, Retry
from sandbox.node.answers import Json
from sandbox.node.errors import METHOD_NOT_FOUND, RpcError
from sandbox.node.files import CHAIN_FILE, read_json

FILES = {
    "eth_getBlockByNumber": "eth_getBlockByNumber_full.json.gz",
    "eth_getBlockReceipts": "eth_getBlockReceipts.json.gz",
    "debug_traceBlockByNumber": "debug_traceBlockByNumber_callTracer.json.gz",
}
ATTEMPTS = 6
TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records blocks of one node into a directory; `concurrency` blocks at a time."""

    session: aiohttp.ClientSession
    rpc: str
    directory: Path
    traces: bool = False
    concurrency: int = 4

    async def record(
        self,
        first: str,
        last: str,
        started: Callable[[int, int], object],
        stored: Callable[[int], object],
    ) -> tuple[int, int]:
        """Record the blocks from `first` to `last` (numbers or tags) and return the range.

        `started` is called with the range once it is known, `stored` with each number that is on disk.
        Raises Fatal when the directory belongs to another chain or the range is empty, Transient when
        the node keeps failing, RpcError when it refuses.
        """
        await self._chain_facts()
        start, end = await self._height(first), await self._height(last)
        if start > end:
            raise Fatal(f"the range {start}..{end} is empty", remedy="give --from at or below --to")
        started(start, end)
        numbers = iter(range(start, end + 1))

        async def worker() -> None:
            for number in numbers:
                await self._block(number)
                stored(number)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.concurrency):
                    group.create_task(worker())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return start, end

    async def _chain_facts(self) -> None:
        chain_id = chain_ids.read(
            mask_url(self.rpc), await self._result(chain_ids.METHOD, []), secrets_of(self.rpc)
        )
        path = self.directory / CHAIN_FILE
        if path.exists():
            known = cast(Json, read_json(path)).get("chain_id")
            if known != chain_id:
                raise Fatal(
                    f"{self.directory} holds chain {known}, and the node is on chain {chain_id}",
                    remedy="record into another directory",
                )
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        facts = {"chain_id": chain_id, "client_version": await self._result("web3_clientVersion", [])}
        _write(path, orjson.dumps(facts, option=orjson.OPT_INDENT_2))

    async def _height(self, reference: str) -> int:
        number = quantity(reference) if reference.startswith("0x") else decimal(reference)
        if number is not None:
            return number
        block = await self._result("eth_getBlockByNumber", [reference, False])
        if not isinstance(block, dict):
            raise Fatal(f"the node has no block {reference!r}", remedy="give a number or another tag")
        return int(block["number"], 16)

    async def _block(self, number: int) -> None:
        folder = self.directory / str(number)
        wanted = [name for method, name in FILES.items() if self.traces or "trace" not in method]
        if all((folder / name).exists() for name in wanted):
            return
        answers = await _retry().run(lambda: self._answers(number))
        folder.mkdir(parents=True, exist_ok=True)
        for method, data in answers.items():
            _write(folder / FILES[method], data)

    async def _answers(self, number: int) -> dict[str, bytes]:
        """Return each file's bytes. Raises Transient when the block is not there or changed meanwhile."""
        at = hex(number)
        request, response = await self._call("eth_getBlockByNumber", [at, True])
        block = orjson.loads(response)["result"]
        if block is None:
            raise Transient(f"the node has no block {number}", remedy="record up to its head")
        identity = {name: block[name] for name in ("number", "hash", "parentHash", "timestamp")}
        stored = {"eth_getBlockByNumber": _document(request, response, identity)}
        request, response = await self._receipts(at, [tx["hash"] for tx in block["transactions"]])
        if any(receipt["blockHash"] != block["hash"] for receipt in orjson.loads(response)["result"]):
            raise Transient(f"block {number} changed while it was recorded")
        stored["eth_getBlockReceipts"] = _document(request, response, None)
        if self.traces:
            request, response = await self._call("debug_traceBlockByNumber", [at, {"tracer": "callTracer"}])
            stored["debug_traceBlockByNumber"] = _document(request, response, None)
        return stored

    async def _receipts(self, at: str, hashes: list[str]) -> tuple[bytes, bytes]:
        """Return request and response of eth_getBlockReceipts, made of single receipts if need be."""
        try:
            return await self._call("eth_getBlockReceipts", [at])
        except RpcError as error:
            if error.code != METHOD_NOT_FOUND:
                raise
        receipts = [await self._result("eth_getTransactionReceipt", [hash_]) for hash_ in hashes]
        if None in receipts:
            raise Transient(f"the node has no receipt of a transaction of block {at}")
        response = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": receipts})
        return _request("eth_getBlockReceipts", [at]), response

    async def _result(self, method: str, params: list[object]) -> object:
        _, response = await _retry().run(lambda: self._call(method, params))
        return orjson.loads(response)["result"]

    async def _call(self, method: str, params: list[object]) -> tuple[bytes, bytes]:
        """Return (request, response) as bytes. Raises Transient, or RpcError for an error answer."""
        request = _request(method, params)
        try:
            headers = {"Content-Type": "application/json"}
            async with self.session.post(self.rpc, data=request, headers=headers) as answer:
                body = await read_bounded(answer.content, ANSWER_BYTES)
                if answer.status != 200:
                    raise Transient(f"the node answered {method} with HTTP {answer.status}")
            document = orjson.loads(body)
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise Transient(f"the node did not answer {method}: {type(error).__name__} {error}") from error
        if not isinstance(document, dict) or "result" not in document:
            error_object = document.get("error") if isinstance(document, dict) else None
            if not isinstance(error_object, dict):
                raise Transient(f"the node's answer to {method} is not a JSON-RPC response")
            code = error_object.get("code")
            raise RpcError(code if isinstance(code, int) else 0, str(error_object.get("message")))
        return request, body.strip()


def _retry() -> Retry:
    return Retry(backoff=Backoff(first=0.2, ceiling=10.0), attempts=ATTEMPTS)


def _request(method: str, params: list[object]) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def _document(request: bytes, response: bytes, identity: Json | None) -> bytes:
    """Return a file's content. The identity of a block comes early, so that a reader need not go on."""
    block = b"" if identity is None else b',"block":' + orjson.dumps(identity)
    return b"".join((b'{"request":', request, block, b',"response":', response, b"}"))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; gzipped without a time, so equal answers make equal files."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(gzip.compress(data, 6, mtime=0) if path.suffix == ".gz" else data)
    part.replace(path)
