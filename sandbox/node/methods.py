"""The JSON-RPC methods of the recorded node: method and parameters to result bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from headwater.digits import quantity
from sandbox.node.answers import BlockAnswers, Chain, Part
from sandbox.node.errors import INVALID_PARAMS, METHOD_NOT_FOUND, NOT_RECORDED, RpcError
from sandbox.node.files import params_key
from sandbox.node.logfilter import parse_filter

Params = Sequence[object]
NULL = b"null"
MAX_LOG_BLOCKS = 10_000


class Head:
    """How far the served chain goes, and how far behind it safe and finalized are, in blocks."""

    def __init__(self, chain: Chain, number: int | None, safe_lag: int, finalized_lag: int) -> None:
        self._chain = chain
        self._number = number
        self.safe_lag = safe_lag
        self.finalized_lag = finalized_lag

    @property
    def number(self) -> int:
        """The served head; without a set one, the chain's last block."""
        last = self._chain.last()
        return last if self._number is None else min(self._number, last)

    def set(self, number: int | None) -> None:
        self._number = number

    def tag(self, name: str) -> int | None:
        """Return the number that a tag names, None when there is no such tag."""
        lags = {"latest": 0, "pending": 0, "safe": self.safe_lag, "finalized": self.finalized_lag}
        if name == "earliest":
            return self._chain.first()
        if name not in lags:
            return None
        return max(self._chain.first(), self.number - lags[name])


@dataclass(frozen=True, slots=True)
class Methods:
    """Answers calls from a chain up to its served head."""

    chain: Chain
    head: Head

    def call(self, method: str, params: object) -> bytes:
        """Return the result's JSON bytes. Raises RpcError for what a node answers with an error."""
        if not isinstance(params, list):
            raise RpcError(INVALID_PARAMS, "parameters must be an array")
        recorded = self.chain.recorded(method, params_key(params))
        known = _METHODS.get(method)
        if known is None and recorded is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        if recorded is not None and (known is None or method == "eth_getLogs"):
            return recorded  # a range of logs may reach over blocks that were not recorded
        assert known is not None
        try:
            derived = known(self, params)
        except IndexError as error:
            raise RpcError(INVALID_PARAMS, f"missing value for parameter of {method}") from error
        except RpcError as error:
            if recorded is None or error.code == INVALID_PARAMS:
                raise
            return recorded
        return recorded if derived == NULL and recorded is not None else derived

    def block(self, reference: object) -> BlockAnswers | None:
        """Return the served block that a number, tag, hash or EIP-1898 object names."""
        if isinstance(reference, dict):
            reference = reference.get("blockHash", reference.get("blockNumber"))
        if isinstance(reference, str) and len(reference) == 66:
            return self._served(self.chain.by_hash(reference.lower()))
        return self._served(self.chain.by_number(self.number(reference)))

    def _served(self, found: BlockAnswers | None) -> BlockAnswers | None:
        return found if found is not None and found.number <= self.head.number else None

    def number(self, reference: object) -> int:
        """Return the height that a quantity or tag names. Raises RpcError (invalid params)."""
        if isinstance(reference, str):
            tagged = self.head.tag(reference)
            if tagged is not None:
                return tagged
            named = quantity(reference)
            if named is not None:
                return named
        raise RpcError(INVALID_PARAMS, f"{reference!r} is not a block number, tag or hash")

    def transaction_block(self, hash_: object) -> BlockAnswers | None:
        """Return the served block that carries a transaction."""
        if not isinstance(hash_, str) or len(hash_) != 66:
            raise RpcError(INVALID_PARAMS, f"{hash_!r} is not a transaction hash")
        return self._served(self.chain.of_transaction(hash_.lower()))


def _get_block(node: Methods, params: Params) -> bytes:
    answers = node.block(params[0])
    if answers is None:
        return NULL
    full = len(params) > 1 and params[1] is True
    return _part(answers, "block" if full else "hashes")


def _part(answers: BlockAnswers, part: Part) -> bytes:
    found = answers.part(part)
    if found is None:
        raise RpcError(NOT_RECORDED, f"{part} of block {answers.number} were not recorded")
    return found


def _receipts(node: Methods, params: Params) -> bytes:
    answers = node.block(params[0])
    return NULL if answers is None else _part(answers, "receipts")


def _trace(part: Part) -> Callable[[Methods, Params], bytes]:
    def answer(node: Methods, params: Params) -> bytes:
        options = params[1] if len(params) > 1 else None
        tracer = options.get("tracer") if isinstance(options, dict) else None
        if not node.chain.has(part) or (part == "calls" and tracer != "callTracer"):
            raise RpcError(METHOD_NOT_FOUND, "the method or tracer does not exist/is not available")
        answers = node.block(params[0])
        if answers is None:
            if part == "calls":
                raise RpcError(NOT_RECORDED, "block not found")
            return NULL
        return _part(answers, part)

    return answer


def _transaction(node: Methods, params: Params) -> bytes:
    answers = node.transaction_block(params[0])
    if answers is None:
        return NULL
    return answers.transactions().get(str(params[0]).lower(), NULL)


def _receipt(node: Methods, params: Params) -> bytes:
    answers = node.transaction_block(params[0])
    if answers is None:
        return NULL
    _part(answers, "receipts")
    return answers.receipt_of(str(params[0]).lower()) or NULL


def _transaction_at(node: Methods, params: Params) -> bytes:
    answers = node.block(params[0])
    index = quantity(params[1])
    if index is None:
        raise RpcError(INVALID_PARAMS, f"{str(params[1])[:40]!r} is not an index")
    listed = [] if answers is None else list(answers.transactions().values())
    return listed[index] if index < len(listed) else NULL


def _transaction_count(node: Methods, params: Params) -> bytes:
    answers = node.block(params[0])
    return NULL if answers is None else _quantity(len(answers.transactions()))


def _uncle_count(node: Methods, params: Params) -> bytes:
    answers = node.block(params[0])
    if answers is None:
        return NULL
    return _quantity(len(orjson.loads(_part(answers, "hashes")).get("uncles") or []))


def _logs(node: Methods, params: Params) -> bytes:
    query = params[0]
    if not isinstance(query, dict):
        raise RpcError(INVALID_PARAMS, "eth_getLogs needs a filter object")
    wanted = parse_filter(query)
    if query.get("blockHash") is not None:
        answers = node.block(query["blockHash"])
        if answers is None:
            raise RpcError(NOT_RECORDED, "unknown block")
        return b"[" + wanted.of_block(answers) + b"]"
    first = node.number(query.get("fromBlock") or "latest")
    last = min(node.number(query.get("toBlock") or "latest"), node.head.number)
    if last - first >= MAX_LOG_BLOCKS:
        raise RpcError(INVALID_PARAMS, f"query exceeds max block range {MAX_LOG_BLOCKS}")
    blocks = (node.chain.by_number(number) for number in range(first, last + 1))
    found = (wanted.of_block(answers) for answers in blocks if answers is not None)
    return b"[" + b",".join(logs for logs in found if logs) + b"]"


def _quantity(value: int) -> bytes:
    return b'"' + hex(value).encode() + b'"'


def _text(value: str) -> bytes:
    return orjson.dumps(value)


_METHODS: dict[str, Callable[[Methods, Params], bytes]] = {
    "eth_chainId": lambda node, _: _quantity(node.chain.chain_id),
    "net_version": lambda node, _: _text(str(node.chain.chain_id)),
    "net_listening": lambda node, _: b"true",
    "web3_clientVersion": lambda node, _: _text(node.chain.client),
    "eth_syncing": lambda node, _: b"false",
    "eth_blockNumber": lambda node, _: _quantity(node.head.number),
    "eth_getBlockByNumber": _get_block,
    "eth_getBlockByHash": _get_block,
    "eth_getBlockReceipts": _receipts,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionReceipt": _receipt,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_at,
    "eth_getTransactionByBlockHashAndIndex": _transaction_at,
    "eth_getBlockTransactionCountByNumber": _transaction_count,
    "eth_getBlockTransactionCountByHash": _transaction_count,
    "eth_getUncleCountByBlockNumber": _uncle_count,
    "eth_getUncleCountByBlockHash": _uncle_count,
    "eth_getLogs": _logs,
    "debug_traceBlockByNumber": _trace("calls"),
    "debug_traceBlockByHash": _trace("calls"),
    "trace_block": _trace("flat"),
}
