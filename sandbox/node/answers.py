"""One block as the bytes of a node's answers, and the seam between chains and the methods that serve them.

Answers are kept as serialised JSON results, so that serving one is a splice and not an encoding.
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import orjson

Json = dict[str, object]
Part = Literal["block", "hashes", "receipts", "logs", "calls", "flat"]
"""block: full transactions; hashes: transaction hashes only; receipts; logs: all of the block;
calls: debug_traceBlock… with callTracer; flat: trace_block."""

Loader = Callable[[Part], bytes | None]


class BlockAnswers:
    """What a node answers about one block; each part is loaded or derived when first asked for.

    `load` returns the JSON bytes of a part, or None when the part is not recorded; for `hashes` and
    `logs` None means: derive it from `block` and `receipts`.
    """

    __slots__ = ("_load", "_parts", "_receipts", "_transactions", "hash", "number", "parent", "timestamp")

    def __init__(self, number: int, hash: str, parent: str, timestamp: int, load: Loader) -> None:
        self.number = number
        self.hash = hash
        self.parent = parent
        self.timestamp = timestamp
        self._load = load
        self._parts: dict[Part, bytes | None] = {}
        self._receipts: dict[str, bytes] | None = None
        self._transactions: dict[str, bytes] | None = None

    def part(self, name: Part) -> bytes | None:
        """Return the JSON result bytes of a part, None when it was not recorded."""
        if name not in self._parts:
            found = self._load(name)
            if found is None and name == "hashes":
                found = self._hashes()
            elif found is None and name == "logs":
                found = self._logs()
            self._parts[name] = found
        return self._parts[name]

    def _hashes(self) -> bytes | None:
        full = self.part("block")
        if full is None:
            return None
        block: Json = orjson.loads(full)
        block["transactions"] = [tx["hash"] for tx in _objects(block["transactions"])]
        return orjson.dumps(block)

    def _logs(self) -> bytes | None:
        receipts = self.part("receipts")
        if receipts is None:
            return None
        return orjson.dumps([log for receipt in orjson.loads(receipts) for log in receipt["logs"]])

    def head(self) -> bytes:
        """Return the header alone, as a newHeads notification shows it."""
        block: Json = orjson.loads(self.part("hashes") or b"{}")
        for name in ("transactions", "uncles", "withdrawals", "size", "totalDifficulty"):
            block.pop(name, None)
        return orjson.dumps(block)

    def transactions(self) -> dict[str, bytes]:
        """Return the JSON bytes of each transaction by its hash, in order."""
        if self._transactions is None:
            block: Json = orjson.loads(self.part("block") or b'{"transactions":[]}')
            listed = _objects(block["transactions"])
            self._transactions = {str(tx["hash"]).lower(): orjson.dumps(tx) for tx in listed}
        return self._transactions

    def receipt_of(self, transaction_hash: str) -> bytes | None:
        """Return the JSON bytes of one receipt, None when the block has none for that hash."""
        if self._receipts is None:
            listed = orjson.loads(self.part("receipts") or b"[]")
            self._receipts = {r["transactionHash"].lower(): orjson.dumps(r) for r in listed}
        return self._receipts.get(transaction_hash)


def _objects(value: object) -> list[Json]:
    """Return a JSON array's objects (hash-only entries have none)."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def answers_from_json(
    block: Mapping[str, object], receipts: object = None, calls: object = None, flat: object = None
) -> BlockAnswers:
    """Return the answers of a block given as parsed JSON results (None: not recorded)."""
    known: dict[Part, object] = {"block": block, "receipts": receipts, "calls": calls, "flat": flat}
    parts = {name: orjson.dumps(value) for name, value in known.items() if value is not None}
    return BlockAnswers(
        int(str(block["number"]), 16),
        str(block["hash"]).lower(),
        str(block["parentHash"]).lower(),
        int(str(block["timestamp"]), 16),
        parts.get,
    )


class Chain(Protocol):
    """A chain that a recorded node can serve. Block and transaction hashes are lower-case 0x strings."""

    @property
    def chain_id(self) -> int: ...

    @property
    def client(self) -> str:
        """What web3_clientVersion answers."""

    def first(self) -> int:
        """Return the lowest block number."""

    def last(self) -> int:
        """Return the highest block number, whatever the served head is."""

    def by_number(self, number: int) -> BlockAnswers | None:
        """Return the canonical block at a height, None when it is not recorded."""

    def by_hash(self, hash: str) -> BlockAnswers | None:
        """Return a block by hash, None when it is not known."""

    def of_transaction(self, hash: str) -> BlockAnswers | None:
        """Return the canonical block that carries a transaction, None when there is none."""

    def recorded(self, method: str, params: bytes) -> bytes | None:
        """Return the recorded result of any other call, by method and serialised parameters."""

    def has(self, part: Part) -> bool:
        """Tell whether a part is recorded for any block."""
