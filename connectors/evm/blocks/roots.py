"""Whether a block's lists are those that its header has the roots of: nothing cut off, nothing changed.

By setting, since it is the dearest of the checks. A list with a type that is not known here is not refused
for it: what is known of it is checked, and the names of the roots that were found to hold go into `verified`.
What a known type has in every block must be there, unless the chain is exempt from it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from headwater.evm.answers import shapes as answers
from headwater.evm.answers.shapes import Log, Receipt, Transaction
from headwater.evm.bloom import Bloom
from headwater.evm.roots import lists
from headwater.evm.roots.receipts import forms
from headwater.evm.roots.transactions import DEPOSIT, SIGNED, kind_of, lacking
from headwater.settings.chain import ALL_ROOTS, Exemption, Root, VerifyRoots

TRANSACTIONS_ROOT: Final = "transactions_root"
RECEIPTS_ROOT: Final = "receipts_root"
WITHDRAWALS_ROOT: Final = "withdrawals_root"
_BARE: Final = "(chain.exemptions with bare is for a chain whose nodes leave that out)"
ONE_IN: Final = 16
"""Of so many blocks one is sampled, by its hash: every process samples the same ones."""
_OTHERWISE: Final = (
    "if this chain makes its roots otherwise, HEADWATER_CHAIN__VERIFY_ROOTS=off turns the check off; else "
    "have the nodes' operators look at that block"
)


class RootError(CheckError):
    """A root that does not hold."""

    def __init__(self, check: str, what: str, found: str) -> None:
        super().__init__(check, what, found, _OTHERWISE)


@dataclass(frozen=True, slots=True)
class RootChecks:
    """`setting` says of which blocks, `hold` which roots are made as Ethereum's are on this chain.

    `exempt`: with `deposits` the withdrawals root of a block that begins with one may be another thing, with
    `bare` what a root is made of may be left out, and is not verified then. `receipt_types`: types of the
    chain's own with receipts like Ethereum's. `byzantium`: first block with a status in receipts (EIP-658).
    """

    bloom: Bloom
    setting: VerifyRoots = "head"
    hold: tuple[Root, ...] = ALL_ROOTS
    exempt: Collection[Exemption] = ()
    receipt_types: Collection[int] = ()
    byzantium: int = 0

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
        return (WITHDRAWALS_ROOT,) if due and self._withdrawals_hold(records) else ()

    def check(
        self,
        block: Block,
        records: answers.Block,
        receipts: Sequence[Receipt],
        own: Sequence[Receipt] = (),
        *,
        executed: bool = True,
    ) -> tuple[str, ...]:
        """Names of the roots that hold. Raises RootError.

        Transactions beyond the last receipt are in no root. Not `executed`: the receipts root is another's.
        """
        transactions = (records.transactions or [])[: len(receipts)]
        passed: list[str] = []
        if "transactions" in self.hold and self._transactions_hold(block, records, transactions):
            passed.append(TRANSACTIONS_ROOT)
        listed = [*receipts, *(each for each in own if each.logs)]
        due = executed and "receipts" in self.hold
        if due and self._receipts_hold(block, records, transactions, listed):
            passed.append(RECEIPTS_ROOT)
        if "withdrawals" in self.hold and self._withdrawals_hold(records):
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
        if found is None and "bare" not in self.exempt:
            for position, each in enumerate(transactions):
                if (lost := lacking(each)) is not None:
                    where = f"block {block.head.number}: transactions[{position}].{lost}"
                    raise CheckError(TRANSACTIONS_ROOT, f"{where} {_BARE}")
        return _holds(records, TRANSACTIONS_ROOT, records.transactions_root, found)

    def _receipts_hold(
        self,
        block: Block,
        records: answers.Block,
        transactions: Sequence[Transaction],
        receipts: Sequence[Receipt],
    ) -> bool:
        kinds = [kind_of(each) for each in transactions]
        found: list[bytes | None] = []
        try:
            for form in forms(receipts, kinds):
                found.append(lists.of_receipts(receipts, transactions, self._bloom_of, form))
                if found[-1] is not None and _text(found[-1]) == records.receipts_root.lower():
                    return True
        except ValueError as error:
            raise CheckError(
                RECEIPTS_ROOT, f"block {block.head.number}: a receipt's logsBloom is not hex: {error}"
            ) from error
        if block.head.number < self.byzantium and all(each.root is None for each in receipts):
            return False  # Nodes and providers say a status of them, which is in no root.
        known = SIGNED.union((DEPOSIT,), self.receipt_types)
        if found[0] is None and "bare" not in self.exempt:
            for position, (each, kind) in enumerate(zip(receipts, kinds, strict=False)):
                if kind in known and each.status is None and each.root is None:
                    where = f"block {block.head.number}: receipts[{position}].status is missing"
                    raise CheckError(RECEIPTS_ROOT, f"{where} {_BARE}")
        if not known.issuperset(kinds):
            return False
        return _holds(records, RECEIPTS_ROOT, records.receipts_root, found[0])

    def _withdrawals_hold(self, records: answers.Block) -> bool:
        if records.withdrawals_root is None:
            return False
        if "deposits" in self.exempt and records.transactions and kind_of(records.transactions[0]) == DEPOSIT:
            # From Isthmus on it is the root of an account's storage (OP specification, Isthmus).
            return False
        found = lists.of_withdrawals(records.withdrawals or [])
        return _holds(records, WITHDRAWALS_ROOT, records.withdrawals_root, found)

    def _bloom_of(self, logs: list[Log]) -> str:
        values = {value for log in logs for value in (log.address, *(log.topics or ()))}
        return f"0x{self.bloom.of(values):0512x}"


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
