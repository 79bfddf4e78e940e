"""What the receipts root is made of: status or state root, gas, bloom, logs (Yellow Paper 4.4.1, EIP-658).

A typed receipt has its type before it (EIP-2718). A deposit of the OP stack has two fields more from Canyon
on; between Regolith and Canyon its nonce is answered and yet in no root (OP specification, Canyon).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from headwater.digits import quantity as number_of
from headwater.evm.answers.shapes import Log, Receipt
from headwater.evm.roots.hexrlp import listed, octets, quantity
from headwater.evm.roots.transactions import DEPOSIT, SIGNED

_BLOOM_PREFIX: Final = "b90100"
_BLOOM_TEXT: Final = 514
BloomOf = Callable[[list[Log]], str]
"""Logs → their bloom, 0x-hex: for receipts that come without one."""


def encoded(receipt: Receipt, kind: int, bloom_of: BloomOf, *, by_state: bool = False) -> bytes | None:
    """The receipt of a transaction of type `kind` as its root has it; None where that cannot be known.

    Of one that has both, the status is taken, or `by_state` the state's root. Raises ValueError where its
    bloom is not hex.
    """
    if kind not in SIGNED and kind != DEPOSIT:
        return None
    logs = receipt.logs or []
    bloom = receipt.logs_bloom
    if bloom is None or len(bloom) != _BLOOM_TEXT:
        bloom = bloom_of(logs)
    # Before Byzantium the state's root stood where the status does now (EIP-658).
    if receipt.root is not None and (by_state or receipt.status is None):
        outcome = octets(receipt.root)
    elif receipt.status is not None:
        outcome = quantity(receipt.status)
    else:
        return None
    payload = (
        f"{outcome}{quantity(receipt.cumulative_gas_used)}{_BLOOM_PREFIX}{bloom[2:]}"
        f"{listed(''.join([_log(each) for each in logs])) if logs else 'c0'}"
    )
    if kind == DEPOSIT:
        payload += _of_deposit(receipt)
    return bytes.fromhex(f"{kind:02x}{listed(payload)}" if kind else listed(payload))


def _log(log: Log) -> str:
    topics = log.topics or ()
    # 33 bytes a topic: one fits the short form of a list, two to four the form with one byte of length.
    size = 33 * len(topics)
    words = "".join(["a0" + each[2:] for each in topics])
    prefix = f"{0xC0 + size:02x}" if size < 56 else f"f8{size:02x}"
    return listed(f"94{log.address[2:]}{prefix}{words}{octets(log.data)}")


def _of_deposit(receipt: Receipt) -> str:
    extra = {} if receipt.extra is None else msgspec.json.decode(receipt.extra, type=dict[str, object])
    version = number_of(extra.get("depositReceiptVersion"), 64)
    if version is None:
        return ""
    nonce = number_of(extra.get("depositNonce"), 64)
    return f"{quantity(hex(nonce or 0))}{quantity(hex(version))}"
