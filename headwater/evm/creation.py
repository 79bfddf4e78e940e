"""The address of a contract that a transaction creates (Yellow Paper, 7)."""

from __future__ import annotations

import sha3

from headwater.evm.rlp import encode_bytes, encode_int, encode_list


def created_by(sender: str, nonce: int) -> str:
    """What the sender's transaction of that nonce creates; both addresses are 0x and 40 hex digits."""
    of = encode_list((encode_bytes(bytes.fromhex(sender[2:])), encode_int(nonce)))
    return f"0x{sha3.keccak_256(of).hexdigest()[24:]}"
