"""The checks that a block and its receipts pass before they are published.

Pure. Each failure names the check and what differs; the names of the checks that passed go into the
event (`verified`), so that a reader knows what was proved of each block.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.gas import RECEIPTS, check_gas
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.blocks.senders import check_senders
from connectors.evm.blocks.state_sync import ends_with_state_sync, without_state_sync
from headwater.evm.answers import places
from headwater.evm.answers import shapes as answers
from headwater.evm.answers.errors import AnswerError
from headwater.evm.answers.shapes import Receipt
from headwater.evm.bloom import Bloom
from headwater.evm.forks import unknown_fields
from headwater.evm.header import HeaderFieldError, header_is_genuine, is_hashed
from headwater.settings.chain import Exemption

HEADER_HASH: Final = "header_hash"
PARENT_LINK: Final = "parent_link"
LOGS_BLOOM: Final = "logs_bloom"
TRANSACTIONS: Final = "transactions"
SHAPE: Final = "shape"
_SHOWN: Final = 200
_SETTLED: Final = "settledHeight"
_SIGNER: Final = (
    "(with the zero address for its miner they do: chain.exemptions with signer_as_miner is for a chain "
    "whose nodes show the signer there) "
)
_EMPTY_ROOT: Final = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""Root of a trie without entries: keccak-256 of the RLP of the empty string (Yellow Paper, appendix D)."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """The checks by setting: a chain whose blocks are not hashed as RLP, or have no bloom, turns its off.

    `gas_used`: the gas of the receipts adds up to the header's. `traces`: every transaction has some.
    `creations`: contracts have the addresses that their senders' nonces give them.
    `exempt`: what blocks of the chain are exempt from; an answer cannot exempt itself. `roots`: which of
    them, of which blocks.
    """

    bloom: Bloom
    header_hash: bool = True
    logs_bloom: bool = True
    gas_used: bool = True
    traces: bool = True
    creations: bool = True
    log_indexes: places.Counting = "block"
    exempt: Collection[Exemption] = ()
    roots: RootChecks = field(default_factory=lambda: RootChecks(Bloom(), "off"))

    def check_header(self, block: Block) -> None:
        """Recompute the header's hash. Raises CheckError."""
        if not self.header_hash:
            return
        try:
            genuine = header_is_genuine(block.header)
            signer_shown = not genuine and header_is_genuine(block.header, signer_as_miner=True)
        except HeaderFieldError as error:
            raise CheckError(
                HEADER_HASH, f"block {block.head.number}: {error} (chain.verify_header_hash turns this off)"
            ) from error
        if not genuine and not (signer_shown and "signer_as_miner" in self.exempt):
            raise CheckError(
                HEADER_HASH,
                f"block {block.head.number}: its fields do not hash to {_hex(block.head.hash)} "
                f"{_unknown(block)}{_SIGNER if signer_shown else ''}"
                "(chain.verify_header_hash turns this off for a chain that hashes otherwise)",
            )
        _check_empty(block)

    def check(
        self,
        block: Block,
        receipts: Sequence[Receipt],
        *,
        own: Sequence[Receipt] = (),
        left_out: bool = False,
        at_head: bool = True,
    ) -> tuple[str, ...]:
        """Names of the checks that block and receipts passed; those of the header alone are not made again.

        `own` is what the block has outside of its transactions, `left_out` whether the node had receipts of
        anything else. `at_head` is False while the chain is caught up with. Raises CheckError.
        """
        passed = [HEADER_HASH] if self.header_hash else []
        records = check_places(block, receipts, self.log_indexes)
        passed.append(RECEIPTS)
        listed = receipts
        # Gas of a block that lists no transaction is of what its node lists none of (ethermint's).
        left_out = left_out or not listed
        if "state_sync" in self.exempt:
            receipts = without_state_sync(block, records.transactions or [], receipts)
        try:
            passed += self._check_content(block, records, receipts, own, left_out, at_head)
            check_senders(
                block,
                records.transactions or (),
                listed,
                creations=self.creations,
                nobody="bare" in self.exempt,
            )
        except CheckError as error:
            if remedy := _remedy(block, self.exempt):
                error.add(remedy)
            raise
        return tuple(passed)

    def _check_content(
        self,
        block: Block,
        records: answers.Block,
        receipts: Sequence[Receipt],
        own: Sequence[Receipt],
        left_out: bool,
        at_head: bool,
    ) -> list[str]:
        passed: list[str] = []
        # Avalanche from Helicon on: receipts root, bloom and gas are of the blocks that it settles (ACP-194).
        executed = "settled" not in self.exempt or not is_hashed(block.header, _SETTLED)
        if executed and self.logs_bloom and records.logs_bloom is not None:
            self._check_bloom(block, records.logs_bloom, [*receipts, *own])
            passed.append(LOGS_BLOOM)
        if executed and self.gas_used:
            unlisted = left_out and "unlisted" in self.exempt
            check_gas(block, records.gas_used, receipts, left_out=unlisted)
        if self.roots.are_due(block.head.hash, at_head):
            passed += self.roots.check(block, records, receipts, own, executed=executed)
        else:
            passed += self.roots.check_none(records)
        return passed

    def _check_bloom(self, block: Block, stated: str, receipts: Sequence[Receipt]) -> None:
        values: set[str] = set()
        for receipt in receipts:
            for log in receipt.logs or ():
                values.add(log.address)
                values.update(log.topics or ())
        if self.bloom.of(values) != int(stated, 16):
            raise CheckError(
                LOGS_BLOOM,
                f"block {block.head.number}: its receipts' logs do not make its logs bloom "
                "(chain.verify_bloom turns this off for a chain whose blooms do not hold)",
            )


def _unknown(block: Block) -> str:
    names = unknown_fields([name for name, value in block.header.items() if value is not None])
    return f"with header fields that are not known here: {', '.join(names)[:_SHOWN]} " if names else ""


def _remedy(block: Block, exempt: Collection[Exemption]) -> str:
    """What the settings may lack where a block is refused; an answer alone exempts from nothing."""
    if "state_sync" not in exempt and ends_with_state_sync(block):
        return "(it ends as blocks of Polygon do: chain.profile=polygon is for a chain of bor's nodes)"
    if "settled" not in exempt and is_hashed(block.header, _SETTLED):
        return f"(it has {_SETTLED} as Avalanche's do: chain.profile=avalanche is for a chain of its nodes)"
    return ""


def _check_empty(block: Block) -> None:
    # The header is genuine, so its root tells whether an empty list is one, or was cut off on its way.
    root = block.header.get("transactionsRoot")
    if not block.transactions and isinstance(root, str) and root.lower() != _EMPTY_ROOT:
        raise CheckError(
            TRANSACTIONS, f"block {block.head.number}: it has transactions by its header and none in its list"
        )


def check_places(
    block: Block, receipts: Sequence[Receipt], log_indexes: places.Counting = "block"
) -> answers.Block:
    """The records of a block; each says that it is of this block, at its place. Raises CheckError."""
    number, records = block.head.number, block.records
    if records is None:
        raise CheckError(SHAPE, f"block {number}: it lists hashes where transactions were asked for")
    try:
        places.check_transactions(records)
    except AnswerError as error:
        raise CheckError(TRANSACTIONS, f"block {number}: {error}") from error
    try:
        places.check_receipts(records, receipts)
        places.check_log_indexes(receipts, log_indexes)
    except AnswerError as error:
        raise CheckError(RECEIPTS, f"block {number}: {error}") from error
    return records


def check_place(block: Block, *, number: int | None = None, hash: bytes | None = None) -> None:
    """The node answered with the block that was asked for. Raises CheckError."""
    if number is not None and block.head.number != number:
        raise CheckError(SHAPE, f"asked for block {number}, got block {block.head.number}")
    if hash is not None and block.head.hash != hash:
        raise CheckError(SHAPE, f"asked for block {_hex(hash)}, got {_hex(block.head.hash)}")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
