"""Recorded answers on disk, read lazily: files of `{"request": …, "response": …}`, gzipped or not.

A file holds one such object, or an array of them, and a request may be a JSON-RPC batch. Which
call a file answers is read from its first bytes; its answer is only read when somebody asks for it.
"""

import gzip
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import orjson

from headwater.errors import Fatal
from headwater.local.node.answers import BlockAnswers, Json, Part

CHAIN_FILE = "chain.json"
PEEK_BYTES = 2048
"""A request, and the identity that our own recordings put behind it, fit in this."""


@dataclass(slots=True)
class _Entry:
    """Where the answers about one block are."""

    number: int
    hash: str
    parent: str
    timestamp: int
    files: dict[Part, Path] = field(default_factory=dict)
    inline: dict[Part, bytes] = field(default_factory=dict)


def read_json(path: Path) -> object:
    """Return the parsed content of a plain or gzipped JSON file. Raises Fatal when it is neither."""
    try:
        data = path.read_bytes()
        return orjson.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, orjson.JSONDecodeError) as error:
        raise Fatal(f"{path} is no readable recording: {error}", remedy="record it again") from error


def _peek(path: Path) -> tuple[Json, Json | None] | None:
    """Return (request, identity) from a file's first bytes, None when the file must be read whole."""
    if path.suffix == ".gz":
        with gzip.open(path) as stream:
            text = stream.read(PEEK_BYTES).decode("utf-8", "replace")
    else:
        with path.open("rb") as stream:
            text = stream.read(PEEK_BYTES).decode("utf-8", "replace")
    if not text.startswith('{"request":'):
        return None
    decoder = json.JSONDecoder()
    try:
        request, end = decoder.raw_decode(text, len('{"request":'))
        identity = None
        if text.startswith(',"block":', end):
            identity, _ = decoder.raw_decode(text, end + len(',"block":'))
    except json.JSONDecodeError:
        return None
    return (request, identity) if isinstance(request, dict) else None


def _part_of(method: str, params: Sequence[object]) -> Part | None:
    """Return which part of a block a call asks for, None when it is not about a whole block."""
    if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
        return "block" if len(params) > 1 and params[1] is True else "hashes"
    if method in ("eth_getBlockReceipts", "erigon_getBlockReceiptsByBlockHash"):
        return "receipts"
    if method in ("debug_traceBlockByNumber", "debug_traceBlockByHash"):
        options = params[1] if len(params) > 1 else None
        return "calls" if isinstance(options, dict) and options.get("tracer") == "callTracer" else None
    return "flat" if method == "trace_block" else None


def _pairs(document: object) -> Iterator[tuple[Json, Json]]:
    """Yield (request, response) of each call in a file's document."""
    for case in document if isinstance(document, list) else [document]:
        if not isinstance(case, dict):
            continue
        request, response = case.get("request"), case.get("response")
        requests = request if isinstance(request, list) else [request]
        responses = response if isinstance(response, list) else [response]
        for asked, answered in zip(requests, responses, strict=False):
            if isinstance(asked, dict) and isinstance(answered, dict):
                yield asked, answered


def params_key(params: object) -> bytes:
    """Return the bytes by which recorded calls are looked up."""
    return orjson.dumps(params, option=orjson.OPT_SORT_KEYS).lower()


class RecordedChain:
    """The blocks and other answers found under some directories; implements `Chain`.

    `cache_blocks` bounds how many blocks' answers are kept in memory. Raises Fatal when nothing can be
    served from the directories, or when nothing in them tells the chain id and none is given.
    """

    def __init__(
        self, directories: Iterable[Path | str], *, chain_id: int | None = None, cache_blocks: int = 128
    ) -> None:
        self._entries: dict[int, _Entry] = {}
        self._numbers: dict[str, int] = {}
        self._calls: dict[tuple[str, bytes], bytes] = {}
        self._loose: list[tuple[Part, object, Path | bytes]] = []
        self._cache: OrderedDict[int, BlockAnswers] = OrderedDict()
        self._cache_blocks = cache_blocks
        self._transactions: dict[str, int] | None = None
        self._facts: Json = {}
        roots = [Path(directory) for directory in directories]
        for root in roots:
            self._scan(root)
        self._attach()
        if not self._entries:
            raise Fatal(
                f"no recorded block under {', '.join(map(str, roots))}",
                remedy="name a directory that `headwater node record` wrote",
            )
        self._sorted = sorted(self._entries)
        self.client = str(self._facts.get("client_version") or "headwater-recorded-node")
        self.chain_id = chain_id if chain_id is not None else self._find_chain_id()

    def _scan(self, root: Path) -> None:
        if not root.is_dir():
            raise Fatal(f"{root} is no directory", remedy="name a directory of recorded answers")
        for path in sorted(root.rglob("*.json*")):
            if path.name == CHAIN_FILE:
                self._facts |= cast(Json, read_json(path))
            elif path.name.endswith((".json", ".json.gz")) and not path.name.startswith("expected"):
                self._scan_file(path)

    def _scan_file(self, path: Path) -> None:
        peeked = _peek(path)
        if peeked is not None:
            request, identity = peeked
            part = _part_of(str(request.get("method")), cast(list[object], request.get("params") or [None]))
            if part not in (None, "block", "hashes"):
                params = cast(list[object], request["params"])
                self._loose.append((part, params[0], path))
                return
            if part == "block" and identity is not None:
                self._add_block(identity, "block", path)
                return
        for request, response in _pairs(read_json(path)):
            self._add_call(request, response, path if peeked is not None else None)

    def _add_call(self, request: Json, response: Json, path: Path | None) -> None:
        method, params = str(request.get("method")), request.get("params") or []
        result = response.get("result")
        if not isinstance(params, list) or "result" not in response:
            return
        part = _part_of(method, params)
        if part is None or result is None:
            self._calls[method, params_key(params)] = orjson.dumps(result)
        elif part in ("block", "hashes"):
            transactions = cast(Json, result).get("transactions") or []
            if part == "hashes" or not all(isinstance(tx, dict) for tx in cast(list[object], transactions)):
                self._add_block(cast(Json, result), "hashes", path or orjson.dumps(result))
            else:
                self._add_block(cast(Json, result), "block", path or orjson.dumps(result))
        else:
            self._loose.append((part, params[0], path or orjson.dumps(result)))

    def _add_block(self, header: Json, part: Part, source: Path | bytes) -> None:
        number = int(str(header["number"]), 16)
        hash_ = str(header["hash"]).lower()
        entry = self._entries.get(number)
        if entry is None:
            parent = str(header["parentHash"]).lower()
            entry = _Entry(number, hash_, parent, int(str(header["timestamp"]), 16))
            self._entries[number] = entry
            self._numbers[hash_] = number
        if entry.hash == hash_ and part not in entry.files and part not in entry.inline:
            self._store(entry, part, source)

    @staticmethod
    def _store(entry: _Entry, part: Part, source: Path | bytes) -> None:
        if isinstance(source, Path):
            entry.files[part] = source
        else:
            entry.inline[part] = source

    def _attach(self) -> None:
        """Give receipts and traces to their blocks, which may have been read after them."""
        for part, reference, source in self._loose:
            if isinstance(reference, str) and len(reference) == 66:
                number = self._numbers.get(reference.lower())
            elif isinstance(reference, str) and reference.startswith("0x"):
                number = int(reference, 16)
            else:
                number = reference if isinstance(reference, int) else None
            entry = self._entries.get(number) if number is not None else None
            if entry is not None and part not in entry.files and part not in entry.inline:
                self._store(entry, part, source)
        self._loose = []

    def _find_chain_id(self) -> int:
        recorded = self._facts.get("chain_id")
        if isinstance(recorded, int):
            return recorded
        answered = self._calls.get(("eth_chainId", b"[]"))
        if answered is not None:
            return int(orjson.loads(answered), 16)
        for number in self._sorted[:64]:
            for transaction in orjson.loads(self._answers(number).part("block") or b"{}").get(
                "transactions", []
            ):
                if transaction.get("chainId"):
                    return int(transaction["chainId"], 16)
                v = int(transaction.get("v") or "0x0", 16)
                if v >= 35:  # EIP-155: v = 35 or 36 + 2 × chain id
                    return (v - 35) // 2
        raise Fatal("no recorded transaction tells the chain id", remedy="give it with --chain-id")

    def first(self) -> int:
        return self._sorted[0]

    def last(self) -> int:
        return self._sorted[-1]

    def gaps(self) -> list[int]:
        """Return the numbers after which recorded blocks are missing."""
        return [a for a, b in zip(self._sorted, self._sorted[1:], strict=False) if b != a + 1]

    def by_number(self, number: int) -> BlockAnswers | None:
        return self._answers(number) if number in self._entries else None

    def by_hash(self, hash: str) -> BlockAnswers | None:
        number = self._numbers.get(hash)
        return None if number is None else self._answers(number)

    def of_transaction(self, hash: str) -> BlockAnswers | None:
        if self._transactions is None:
            self._transactions = {
                transaction: number
                for number in self._sorted
                for transaction in self._answers(number).transactions()
            }
        number = self._transactions.get(hash)
        return None if number is None else self._answers(number)

    def recorded(self, method: str, params: bytes) -> bytes | None:
        return self._calls.get((method, params))

    def has(self, part: Part) -> bool:
        return any(part in e.files or part in e.inline for e in self._entries.values())

    def _answers(self, number: int) -> BlockAnswers:
        cached = self._cache.get(number)
        if cached is None:
            entry = self._entries[number]

            def load(part: Part) -> bytes | None:
                if part in entry.inline:
                    return entry.inline[part]
                path = entry.files.get(part)
                return None if path is None else _result(path)

            cached = BlockAnswers(entry.number, entry.hash, entry.parent, entry.timestamp, load)
            self._cache[number] = cached
            if len(self._cache) > self._cache_blocks:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(number)
        return cached


def _result(path: Path) -> bytes:
    """Return the result of the one call that a file holds."""
    for _, response in _pairs(read_json(path)):
        return orjson.dumps(response["result"])
    raise Fatal(f"{path} holds no answer", remedy="record it again")
