"""What the receipts root is made of: status or state root, gas, bloom, logs (Yellow Paper 4.4.1, EIP-658).

A typed receipt has its type before it (EIP-2718). A deposit of the OP stack has two fields more from Canyon
on; between Regolith and Canyon its nonce is answered and yet in no root (OP specification, Canyon). Other
types of a chain's own are encoded as Ethereum's (Arbitrum's: OffchainLabs' go-ethereum, Receipts.EncodeIndex)
or not (Celo's 0x7b has its base fee): what is made of them proves something where it is the root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from headwater.digits import quantity as number_of
from headwater.evm.answers.shapes import Log, Receipt
from headwater.evm.roots.hexrlp import listed, octets, quantity
from headwater.evm.roots.transactions import DEPOSIT, SIGNED

LAST_TYPE: Final = 0x7F
"""Of EIP-2718: what begins with more is a list, so of no type."""
ARBITRUM_LEGACY: Final = 0x78
"""A transaction from before Nitro; encoded without its type, as of type 0."""
_BLOOM_PREFIX: Final = "b90100"
_BLOOM_TEXT: Final = 514
_FIRST_VERSION: Final = 1
"""Of a deposit's receipt, Canyon's and the only one so far."""
BloomOf = Callable[[list[Log]], str]
"""Logs → their bloom, 0x-hex: for receipts that come without one."""


class Form(NamedTuple):
    """What an answer leaves open.

    `by_state`: of a receipt that has a status and a state's root, it is the latter that counts. `versioned`:
    whether deposits have their nonce and version; None is as their answers say. `guessed`: types that are not
    known here are encoded as Ethereum's.
    """

    by_state: bool = False
    versioned: bool | None = None
    guessed: bool = False


STATED: Final = Form()


def forms(receipts: Sequence[Receipt], kinds: Sequence[int]) -> Iterator[Form]:
    """Every form that these receipts can have, as they are stated first. Which one it is, the root tells."""
    yield Form(guessed=True)
    states = [False]
    if any(each.root is not None and each.status is not None for each in receipts):
        states.append(True)
    versions: list[bool | None] = [None]
    deposits = [each for each, kind in zip(receipts, kinds, strict=False) if kind == DEPOSIT]
    if any(_version(each) is None for each in deposits):
        versions.append(True)
    if any(_version(each) is not None for each in deposits):
        versions.append(False)
    for state in states:
        for version in versions:
            if state or version is not None:
                yield Form(state, version, guessed=True)


def encoded(
    receipt: Receipt, kind: int, bloom_of: BloomOf, form: Form = STATED, nonce: str | None = None
) -> bytes | None:
    """The receipt of a transaction of type `kind` as its root has it; None where that cannot be known.

    `nonce` is the transaction's, for a deposit's receipt without one. Raises ValueError where its bloom is
    not hex.
    """
    if kind not in SIGNED and kind != DEPOSIT and not (form.guessed and kind <= LAST_TYPE):
        return None
    logs = receipt.logs or []
    bloom = receipt.logs_bloom
    if bloom is None or len(bloom) != _BLOOM_TEXT:
        bloom = bloom_of(logs)
    # Before Byzantium the state's root stood where the status does now (EIP-658).
    if receipt.root is not None and (form.by_state or receipt.status is None):
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
        payload += _of_deposit(receipt, form.versioned, nonce)
    return bytes.fromhex(
        f"{kind:02x}{listed(payload)}" if kind and kind != ARBITRUM_LEGACY else listed(payload)
    )


def _log(log: Log) -> str:
    topics = log.topics or ()
    # 33 bytes a topic: one fits the short form of a list, two to four the form with one byte of length.
    size = 33 * len(topics)
    words = "".join(["a0" + each[2:] for each in topics])
    prefix = f"{0xC0 + size:02x}" if size < 56 else f"f8{size:02x}"
    return listed(f"94{log.address[2:]}{prefix}{words}{octets(log.data)}")


def _of_deposit(receipt: Receipt, versioned: bool | None, given: str | None) -> str:
    version = _version(receipt)
    if versioned is False or (version is None and versioned is None):
        return ""
    nonce = number_of(_extra(receipt).get("depositNonce"), 64)
    stated = given if nonce is None else hex(nonce)
    return f"{quantity(stated)}{quantity(hex(_FIRST_VERSION if version is None else version))}"


def _version(receipt: Receipt) -> int | None:
    return number_of(_extra(receipt).get("depositReceiptVersion"), 64)


def _extra(receipt: Receipt) -> dict[str, object]:
    return {} if receipt.extra is None else receipt.extra.content()
