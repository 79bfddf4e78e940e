"""A chain of recorded answers. Answers about whole blocks are only read when somebody asks for them."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import orjson

from connectors.evm.rpc import chain_id as chain_ids
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal
from sandbox.node.answers import BlockAnswers, Json, Part
from sandbox.node.files import CHAIN_FILE, pairs, params_key, part_of, peek, read_json, result_of


@dataclass(slots=True)
class _Entry:
    """Where the answers about one block are."""

    number: int
    hash: str
    parent: str
    timestamp: int
    files: dict[Part, Path] = field(default_factory=dict)
    inline: dict[Part, bytes] = field(default_factory=dict)


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
        self._calls: dict[tuple[str, bytes], Path | bytes] = {}
        self._loose: list[tuple[Part, str, list[object], Path | bytes]] = []
        self._cache: OrderedDict[int, BlockAnswers] = OrderedDict()
        self._cache_blocks = cache_blocks
        self._transactions: dict[str, int] | None = None
        self._facts: Json = {}
        roots = [Path(directory) for directory in directories]
        for root in roots:
            self._scan(root)
        self._attach()
        if not self._entries and not self._calls:
            raise Fatal(
                f"no recorded answer under {', '.join(map(str, roots))}",
                remedy="name a directory that `headwater node record` wrote",
            )
        self._sorted = sorted(self._entries)
        self.client = str(self._facts.get("client_version") or "headwater-recorded-node")
        self.chain_id = chain_id if chain_id is not None else self._find_chain_id()

    def _scan(self, root: Path) -> None:
        if not root.is_dir():
            raise Fatal(f"{root} is not a directory", remedy="name a directory of recorded answers")
        for path in sorted(root.rglob("*.json*")):
            if path.name == CHAIN_FILE:
                self._facts |= cast(Json, read_json(path))
            elif path.name.endswith((".json", ".json.gz")) and not path.name.startswith("expected"):
                self._scan_file(path)

    def _scan_file(self, path: Path) -> None:
        peeked = peek(path)
        if peeked is not None:
            request, identity = peeked
            method, params = str(request.get("method")), cast(list[object], request.get("params") or [None])
            part = part_of(method, params)
            if part not in (None, "block", "hashes"):
                self._loose.append((part, method, params, path))
                return
            if part == "block" and identity is not None:
                self._add_block(identity, "block", path)
                return
        for request, response in pairs(read_json(path)):
            self._add_call(request, response, path if peeked is not None else None)

    def _add_call(self, request: Json, response: Json, path: Path | None) -> None:
        method, params = str(request.get("method")), request.get("params") or []
        result = response.get("result")
        if not isinstance(params, list) or "result" not in response:
            return
        part = part_of(method, params)
        if part is None or result is None:
            self._calls[method, params_key(params)] = orjson.dumps(result)
        elif part in ("block", "hashes"):
            transactions = cast(Json, result).get("transactions") or []
            if part == "hashes" or not all(isinstance(tx, dict) for tx in cast(list[object], transactions)):
                self._add_block(cast(Json, result), "hashes", path or orjson.dumps(result))
            else:
                self._add_block(cast(Json, result), "block", path or orjson.dumps(result))
        else:
            self._loose.append((part, method, params, path or orjson.dumps(result)))

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
        """Give receipts and traces to their blocks; those of no recorded block stay answers to a call."""
        for part, method, params, source in self._loose:
            number = self._number_of(params[0])
            entry = self._entries.get(number) if number is not None else None
            if entry is None:
                self._calls[method, params_key(params)] = source
            elif part not in entry.files and part not in entry.inline:
                self._store(entry, part, source)
        self._loose = []

    def _number_of(self, reference: object) -> int | None:
        if isinstance(reference, str) and len(reference) == 66:
            return self._numbers.get(reference.lower())
        if isinstance(reference, str) and reference.startswith("0x"):
            return int(reference, 16)
        return reference if isinstance(reference, int) else None

    def _find_chain_id(self) -> int:
        recorded = self._facts.get("chain_id")
        if isinstance(recorded, int):
            return recorded
        answered = self.recorded(chain_ids.METHOD, b"[]")
        if answered is not None:
            try:
                return chain_ids.read("the recording", orjson.loads(answered))
            except NodeFailure as error:
                raise Fatal(str(error), remedy="take that answer out, or give the chain's id") from error
        blocks = (orjson.loads(self._answers(number).part("block") or b"{}") for number in self._sorted[:64])
        transactions = [tx for block in blocks for tx in block.get("transactions", [])]
        for transaction in transactions:
            if transaction.get("chainId"):
                return int(transaction["chainId"], 16)
        for transaction in transactions:
            v = int(transaction.get("v") or "0x0", 16)
            if v >= 35:  # EIP-155: v = 35 or 36 + 2 × chain id
                return (v - 35) // 2
        raise Fatal("no recorded transaction tells the chain id", remedy="give it with --chain-id")

    def first(self) -> int:
        return self._sorted[0] if self._sorted else 0

    def last(self) -> int:
        return self._sorted[-1] if self._sorted else 0

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
        found = self._calls.get((method, params))
        return result_of(found) if isinstance(found, Path) else found

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
                return None if path is None else result_of(path)

            cached = BlockAnswers(entry.number, entry.hash, entry.parent, entry.timestamp, load)
            self._cache[number] = cached
            if len(self._cache) > self._cache_blocks:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(number)
        return cached
