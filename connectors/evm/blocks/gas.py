"""Whether a block's gas adds up: what is cut off transactions and receipts alike is missed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.evm.blocks.decode import Block
from connectors.evm.blocks.errors import CheckError
from headwater.evm.answers.shapes import Receipt
from headwater.evm.header import is_hashed

RECEIPTS: Final = "receipts"
_AMSTERDAM: Final = "blockAccessListHash"
_LENIENT: Final = "(chain.verify_gas_used turns this off for a chain that counts otherwise)"


def check_gas(block: Block, stated: str, receipts: Sequence[Receipt], *, left_out: bool = False) -> None:
    """Each receipt adds its own gas to that before it, and the last comes to what the header has `stated`.

    `left_out`: the node's list had receipts of none of the transactions, whose gas may be counted too.
    A genesis may say any gas. Raises CheckError.
    """
    total = 0
    for position, each in enumerate(receipts):
        used, until = int(each.gas_used, 16), int(each.cumulative_gas_used, 16)
        if until != total + used and not (left_out and until > total + used):
            raise CheckError(
                RECEIPTS,
                f"block {block.head.number}: receipts[{position}].gasUsed is {used}, and its "
                f"cumulativeGasUsed comes to {until} after {total} {_LENIENT}",
            )
        total = until
    of_none = not receipts and (left_out or block.head.number == 0)
    if not of_none and not _can_be(block, total, int(stated, 16)):
        ends = f"its last receipt ends at {total} gas" if receipts else "it has no receipts"
        raise CheckError(
            RECEIPTS, f"block {block.head.number}: {ends}, its header says {int(stated, 16)} {_LENIENT}"
        )


def _can_be(block: Block, total: int, stated: int) -> bool:
    """Whether receipts that come to so much gas in `total` can be those of a block of the gas `stated`.

    From Amsterdam on they count what is paid, and the header the larger of gas for execution, refunds not
    taken off (EIP-7778), and gas for state (EIP-8037). A refund is a fifth at most.
    """
    if not is_hashed(block.header, _AMSTERDAM):
        return total == stated
    return 4 * stated <= 5 * total and total <= 2 * stated
