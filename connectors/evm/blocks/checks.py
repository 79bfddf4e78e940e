"""The checks that a block and its receipts pass before they are published.

Pure. Each failure names the check and what differs; the names of the checks that passed go into the
event (`verified`), so that a reader knows what was proved of each block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import sha3

from connectors.evm.blocks.decode import Block, Log, Receipt
from headwater.digits import quantity
from headwater.evm.bloom import Bloom
from headwater.evm.header import HeaderFieldError, header_is_genuine

HEADER_HASH: Final = "header_hash"
PARENT_LINK: Final = "parent_link"
LOGS_BLOOM: Final = "logs_bloom"
RECEIPTS: Final = "receipts"
TRANSACTIONS: Final = "transactions"
SHAPE: Final = "shape"
_ABSENT: Final = (None, "", "0x")
# Digits of what every block record has.
_NEEDED: Final = {"stateRoot": 64, "transactionsRoot": 64, "receiptsRoot": 64, "sha3Uncles": 64, "miner": 40}
_EMPTY_ROOT: Final = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""Root of a trie without entries: keccak-256 of the RLP of the empty string (Yellow Paper, appendix D)."""


class CheckError(ValueError):
    """A block that must not be published. `check` is the name of the check."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(what)
        self.check = check


@dataclass(frozen=True, slots=True)
class Verifier:
    """The checks by setting: a chain whose blocks are not hashed as RLP, or have no bloom, turns its off.

    `gas_used`: the last receipt's cumulative gas is the header's.
    """

    bloom: Bloom
    header_hash: bool = True
    logs_bloom: bool = True
    gas_used: bool = True

    def check_header(self, block: Block) -> None:
        """Recompute the header's hash. Raises CheckError."""
        if not self.header_hash:
            _check_shape(block)
            return
        try:
            genuine = header_is_genuine(block.header)
        except HeaderFieldError as error:
            raise CheckError(
                HEADER_HASH, f"block {block.head.number}: {error} (chain.verify_header_hash turns this off)"
            ) from error
        if not genuine:
            raise CheckError(
                HEADER_HASH,
                f"block {block.head.number}: its fields do not hash to {_hex(block.head.hash)} "
                "(chain.verify_header_hash turns this off for a chain that hashes otherwise)",
            )
        _check_empty(block)

    def check(self, block: Block, receipts: Sequence[Receipt]) -> tuple[str, ...]:
        """Names of the checks that block and receipts passed; those of the header alone are not made again.

        Raises CheckError.
        """
        passed = [HEADER_HASH] if self.header_hash else []
        check_transactions(block)
        check_receipts(block, receipts)
        passed.append(RECEIPTS)
        if self.logs_bloom and self._check_bloom(block, receipts):
            passed.append(LOGS_BLOOM)
        if self.gas_used:
            _check_gas_used(block, receipts)
        return tuple(passed)

    def _check_bloom(self, block: Block, receipts: Sequence[Receipt]) -> bool:
        stated = block.header.get("logsBloom")
        if stated in _ABSENT:
            return False
        values: set[str] = set()
        exempt = state_sync_hash(block) if block.transactions else ""
        try:
            for receipt in receipts:
                if receipt.transaction_hash != exempt:
                    for log in receipt.logs or ():
                        values.add(log.address)
                        values.update(log.topics or ())
            agrees = self.bloom.of(values) == int(str(stated), 16)
        except ValueError as error:
            raise CheckError(
                LOGS_BLOOM, f"block {block.head.number}: bad hex: {error} (chain.verify_bloom turns this off)"
            ) from error
        if not agrees:
            raise CheckError(
                LOGS_BLOOM,
                f"block {block.head.number}: its receipts' logs do not make its logs bloom "
                "(chain.verify_bloom turns this off for a chain whose blooms do not hold)",
            )
        return True


def _check_empty(block: Block) -> None:
    # The header is genuine, so its root tells whether an empty list is one, or was cut off on its way.
    root = block.header.get("transactionsRoot")
    if not block.transactions and isinstance(root, str) and root.lower() != _EMPTY_ROOT:
        raise CheckError(
            TRANSACTIONS, f"block {block.head.number}: it has transactions by its header and none in its list"
        )


def _check_shape(block: Block) -> None:
    # Where the hash is not recomputed nothing else has looked at what every record of a block needs.
    for name, digits in _NEEDED.items():
        value = block.header.get(name)
        if not isinstance(value, str) or len(value) != 2 + digits:
            what = f"its {name} is {value!r}, not {digits // 2} bytes"
            raise CheckError(SHAPE, f"block {block.head.number}: {what}")


def check_transactions(block: Block) -> None:
    """No transaction is listed twice, and each says that it stands where it does. Raises CheckError."""
    number = block.head.number
    if len(set(block.transactions)) != len(block.transactions):
        raise CheckError(TRANSACTIONS, f"block {number}: it lists a transaction twice")
    for position, index in enumerate(block.indexes):
        if index is not None and index != hex(position) and _int(index) != position:
            raise CheckError(TRANSACTIONS, f"block {number}: transaction {position} has index {index}")


def _check_gas_used(block: Block, receipts: Sequence[Receipt]) -> None:
    # What was cut off a list of transactions and of receipts alike is missed here, whatever was in it.
    stated = block.header.get("gasUsed")
    used = receipts[-1].cumulative_gas_used if receipts else None
    if used is None or used == stated or stated in _ABSENT or _int(used) == _int(str(stated)):
        return
    # Bor's own transaction comes last and uses no gas.
    if receipts[-1].transaction_hash != state_sync_hash(block):
        raise CheckError(
            RECEIPTS,
            f"block {block.head.number}: its last receipt ends at {used} gas, its header says {stated} "
            "(chain.verify_gas_used turns this off for a chain that counts otherwise)",
        )


def check_receipts(block: Block, receipts: Sequence[Receipt]) -> None:
    """Receipts belong to the block's transactions, in order, and their logs are numbered without a hole.

    Raises CheckError.
    """
    number = block.head.number
    if len(receipts) != len(block.transactions):
        raise CheckError(
            RECEIPTS, f"block {number}: {len(receipts)} receipts for {len(block.transactions)} transactions"
        )
    block_hash = str(block.header["hash"])
    next_log = 0
    for index, (receipt, transaction) in enumerate(zip(receipts, block.transactions, strict=True)):
        if receipt.transaction_hash != transaction and not _same(receipt.transaction_hash, transaction):
            raise CheckError(
                RECEIPTS,
                f"block {number}: receipt {index} is of {receipt.transaction_hash}, not {transaction}",
            )
        position = hex(index)
        own = receipt.transaction_index
        if own is None or receipt.block_hash is None:
            raise CheckError(RECEIPTS, f"block {number}: receipt {index} is of no block yet")
        if own is not msgspec.UNSET and own != position and _int(own) != index:
            raise CheckError(
                RECEIPTS, f"block {number}: receipt {index} has index {receipt.transaction_index}"
            )
        if receipt.block_hash is not msgspec.UNSET and not _same(receipt.block_hash, block_hash):
            raise CheckError(RECEIPTS, f"block {number}: receipt {index} is of block {receipt.block_hash}")
        for log in receipt.logs or ():
            # One comparison each where all is well; the slow walk says what is not.
            if (
                log.transaction_hash != transaction
                or log.block_hash != block_hash
                or log.log_index != hex(next_log)
                or log.transaction_index != position
            ):
                _check_log(log, number, next_log, block_hash, transaction, index)
            next_log += 1


def _check_log(log: Log, number: int, index: int, block_hash: str, transaction: str, position: int) -> None:
    if log.log_index is not None and _int(log.log_index) != index:
        raise CheckError(
            RECEIPTS,
            f"block {number}: log {index} has index {log.log_index} (a chain whose log indexes do not count "
            "through the block from 0 is not supported)",
        )
    if log.transaction_index is not None and _int(log.transaction_index) != position:
        raise CheckError(
            RECEIPTS,
            f"block {number}: log {index} is of transaction {log.transaction_index}, not {position}",
        )
    if log.block_hash is not None and not _same(log.block_hash, block_hash):
        raise CheckError(RECEIPTS, f"block {number}: log {index} is of block {log.block_hash}")
    if log.transaction_hash is not None and not _same(log.transaction_hash, transaction):
        raise CheckError(RECEIPTS, f"block {number}: log {index} is of transaction {log.transaction_hash}")


def state_sync_hash(block: Block) -> str:
    """Hash of Polygon's state-sync transaction of this block, whether it has one or not.

    Bor appends that transaction when it answers: it is in no root, and its logs in no bloom (bor,
    core/types: key of a bor receipt).
    """
    key = b"matic-bor-receipt-" + block.head.number.to_bytes(8, "big") + block.head.hash
    digest: bytes = sha3.keccak_256(key).digest()
    return _hex(digest)


def check_place(block: Block, *, number: int | None = None, hash: bytes | None = None) -> None:
    """The node answered with the block that was asked for. Raises CheckError."""
    if number is not None and block.head.number != number:
        raise CheckError(SHAPE, f"asked for block {number}, got block {block.head.number}")
    if hash is not None and block.head.hash != hash:
        raise CheckError(SHAPE, f"asked for block {_hex(hash)}, got {_hex(block.head.hash)}")


def _same(one: str, other: str) -> bool:
    return one == other or one.lower() == other.lower()


def _int(value: str | int) -> int:
    number = value if isinstance(value, int) else quantity(value)
    if number is None:
        raise CheckError(RECEIPTS, f"{str(value)[:40]!r} is not an index")
    return number


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
