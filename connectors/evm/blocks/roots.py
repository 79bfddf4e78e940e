"""Whether a block's lists are those that its header has the roots of: nothing cut off, nothing changed.

By setting, since it is the dearest of the checks. A list with a type that is not known here is not verified,
and never refused for it: the names of the roots that were found to hold go into `verified`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.state_sync import state_sync_hash
from headwater.evm.answers import shapes as answers
from headwater.evm.answers.shapes import Log, Receipt, Transaction
from headwater.evm.bloom import Bloom
from headwater.evm.roots import lists
from headwater.evm.roots.transactions import DEPOSIT, kind_of
from headwater.settings.chain import ALL_ROOTS, Root, VerifyRoots

TRANSACTIONS_ROOT: Final = "transactions_root"
RECEIPTS_ROOT: Final = "receipts_root"
WITHDRAWALS_ROOT: Final = "withdrawals_root"
ONE_IN: Final = 16
"""Of so many blocks one is sampled, by its hash: every process samples the same ones."""


class RootError(CheckError):
    """A root that does not hold. `found` is what the answer has in its place."""

    def __init__(self, check: str, what: str, found: str) -> None:
        super().__init__(check, what)
        self.found = found


@dataclass(frozen=True, slots=True)
class RootChecks:
    """`setting` says of which blocks, `hold` which roots are made as Ethereum's are on this chain."""

    bloom: Bloom
    setting: VerifyRoots = "head"
    hold: tuple[Root, ...] = ALL_ROOTS

    def are_due(self, block_hash: bytes, at_head: bool) -> bool:
        """Whether the roots of this block are checked."""
        if self.setting == "head":
            return at_head or _is_sampled(block_hash)
        return self.setting == "all" or (self.setting == "sampled" and _is_sampled(block_hash))

    def check_none(self, records: answers.Block) -> tuple[str, ...]:
        """Whether withdrawals that are not there are none: that costs nothing, so it is asked of every block.

        Gives the names of the roots that hold. Raises RootError.
        """
        due = self.setting != "off" and "withdrawals" in self.hold and not records.withdrawals
        return (WITHDRAWALS_ROOT,) if due and _withdrawals_hold(records, records.transactions or []) else ()

    def check(
        self,
        block: Block,
        records: answers.Block,
        receipts: Sequence[Receipt],
        own: Sequence[Receipt] = (),
    ) -> tuple[str, ...]:
        """Names of the roots that hold. Raises RootError."""
        transactions = records.transactions or []
        if transactions and transactions[-1].hash.lower() == state_sync_hash(block):
            transactions, receipts = transactions[:-1], receipts[:-1]
        passed: list[str] = []
        if "transactions" in self.hold and self._transactions_hold(block, records, transactions):
            passed.append(TRANSACTIONS_ROOT)
        if "receipts" in self.hold and self._receipts_hold(
            block, records, transactions, [*receipts, *(each for each in own if each.logs)]
        ):
            passed.append(RECEIPTS_ROOT)
        if "withdrawals" in self.hold and _withdrawals_hold(records, transactions):
            passed.append(WITHDRAWALS_ROOT)
        return tuple(passed)

    def _transactions_hold(
        self, block: Block, records: answers.Block, transactions: Sequence[Transaction]
    ) -> bool:
        try:
            found = lists.of_transactions(transactions)
        except lists.OtherHashError as error:
            what = f"block {block.head.number}: {error}"
            raise RootError(TRANSACTIONS_ROOT, what, str(error)) from error
        except ValueError as error:
            # Of the fields that only this check reads.
            raise CheckError(
                TRANSACTIONS_ROOT, f"block {block.head.number}: a transaction's field is not hex: {error}"
            ) from error
        return _holds(records, TRANSACTIONS_ROOT, records.transactions_root, found)

    def _receipts_hold(
        self,
        block: Block,
        records: answers.Block,
        transactions: Sequence[Transaction],
        receipts: Sequence[Receipt],
    ) -> bool:
        if settles_others(block):
            return False
        try:
            found = lists.of_receipts(receipts, transactions, self._bloom_of)
            both = any(each.root is not None and each.status is not None for each in receipts)
            if both and found is not None and _text(found) != records.receipts_root.lower():
                by_state = lists.of_receipts(receipts, transactions, self._bloom_of, by_state=True)
                # Which of them is in the root, no answer says: the one that makes it.
                if by_state is not None and _text(by_state) == records.receipts_root.lower():
                    found = by_state
        except ValueError as error:
            raise CheckError(
                RECEIPTS_ROOT, f"block {block.head.number}: a receipt's logsBloom is not hex: {error}"
            ) from error
        return _holds(records, RECEIPTS_ROOT, records.receipts_root, found)

    def _bloom_of(self, logs: list[Log]) -> str:
        values = {value for log in logs for value in (log.address, *(log.topics or ()))}
        return f"0x{self.bloom.of(values):0512x}"


def settles_others(block: Block) -> bool:
    """Whether receipts root, bloom and gas of the header are not of this block's own transactions.

    Avalanche from Helicon on executes blocks later: they are those of the blocks that it settles (ACP-194).
    """
    return block.header.get("settledHeight") is not None


def _withdrawals_hold(records: answers.Block, transactions: Sequence[Transaction]) -> bool:
    # On the OP stack it is the root of an account's storage from Isthmus on (OP specification, Isthmus).
    if records.withdrawals_root is None or (transactions and kind_of(transactions[0]) == DEPOSIT):
        return False
    found = lists.of_withdrawals(records.withdrawals or [])
    return _holds(records, WITHDRAWALS_ROOT, records.withdrawals_root, found)


def _holds(records: answers.Block, check: str, stated: str, found: bytes | None) -> bool:
    if found is None:
        return False
    root = _text(found)
    if root != stated.lower():
        raise RootError(
            check,
            f"block {int(records.number, 16)}: its {check.replace('_', ' ')} is {stated}, "
            f"and what was answered makes {root}",
            root,
        )
    return True


def _text(root: bytes) -> str:
    return "0x" + root.hex()


def _is_sampled(block_hash: bytes) -> bool:
    return block_hash[-1] % ONE_IN == 0
