"""The checks that a block and its receipts pass before they are published.

Pure. Each failure names the check and what differs; the names of the checks that passed go into the
event (`verified`), so that a reader knows what was proved of each block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
_EMPTY_ROOT: Final = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""Root of a trie without entries: keccak-256 of the RLP of the empty string (Yellow Paper, appendix D)."""


class CheckError(ValueError):
    """A block that must not be published. `check` is the name of the check."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(what)
        self.check = check


@dataclass(frozen=True, slots=True)
class Verifier:
    """The checks by setting: a chain whose blocks are not hashed as RLP, or have no bloom, turns its off."""

    bloom: Bloom
    header_hash: bool = True
    logs_bloom: bool = True

    def check_header(self, block: Block) -> None:
        """Recompute the header's hash. Raises CheckError."""
        if not self.header_hash:
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
        check_receipts(block, receipts)
        passed.append(RECEIPTS)
        if self.logs_bloom and self._check_bloom(block, receipts):
            passed.append(LOGS_BLOOM)
        return tuple(passed)

    def _check_bloom(self, block: Block, receipts: Sequence[Receipt]) -> bool:
        stated = block.header.get("logsBloom")
        if stated is None:
            return False
        values: set[str] = set()
        exempt = state_sync_hash(block) if block.transactions else ""
        try:
            for receipt in receipts:
                if receipt.transaction_hash != exempt:
                    for log in receipt.logs:
                        values.add(log.address)
                        values.update(log.topics)
            agrees = self.bloom.of(values) == int(str(stated), 16)
        except ValueError as error:
            raise CheckError(LOGS_BLOOM, f"block {block.head.number}: bad hex: {error}") from error
        if not agrees:
            raise CheckError(
                LOGS_BLOOM, f"block {block.head.number}: its receipts' logs do not make its logs bloom"
            )
        return True


def _check_empty(block: Block) -> None:
    # The header is genuine, so its root tells whether an empty list is one, or was cut off on its way.
    root = block.header.get("transactionsRoot")
    if not block.transactions and isinstance(root, str) and root.lower() != _EMPTY_ROOT:
        raise CheckError(
            TRANSACTIONS, f"block {block.head.number}: it has transactions by its header and none in its list"
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
        if receipt.transaction_index is not None and _int(receipt.transaction_index) != index:
            raise CheckError(
                RECEIPTS, f"block {number}: receipt {index} has index {receipt.transaction_index}"
            )
        if receipt.block_hash is not None and not _same(receipt.block_hash, block_hash):
            raise CheckError(RECEIPTS, f"block {number}: receipt {index} is of block {receipt.block_hash}")
        for log in receipt.logs:
            # One comparison each where all is well; the slow walk says what is not.
            if (
                log.transaction_hash != transaction
                or log.block_hash != block_hash
                or log.log_index != hex(next_log)
            ):
                _check_log(log, number, next_log, block_hash, transaction)
            next_log += 1


def _check_log(log: Log, number: int, index: int, block_hash: str, transaction: str) -> None:
    if log.log_index is not None and _int(log.log_index) != index:
        raise CheckError(RECEIPTS, f"block {number}: log {index} has index {log.log_index}")
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


def _int(value: str) -> int:
    number = quantity(value)
    if number is None:
        raise CheckError(RECEIPTS, f"{value[:40]!r} is not an index")
    return number


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
