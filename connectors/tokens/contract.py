"""What a contract says of itself as a token: three calls of EIP-20, two of which it need not answer.

Whoever deployed the contract chose the answers, so what does not show, does not end or cannot be is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from connectors.tokens import description
from connectors.tokens.description import Token
from headwater.errors import Fatal, Permanent
from headwater.redaction import mask_url

# The first four bytes of keccak-256 of `decimals()`, `symbol()` and `name()`.
DECIMALS: Final = "0x313ce567"
SYMBOL: Final = "0x95d89b41"
NAME: Final = "0x06fdde03"
MOST_BYTES: Final = 4_096
_WORD: Final = 32
_ANSWER_BYTES: Final = 1 << 20
_SECONDS: Final = 10.0
_REFUSED: Final = re.compile(r"revert|invalid opcode|out of gas|bad instruction|invalid jump|stack underflow")
_BY_HAND: Final = "describe it in the file by hand, if at all"
Call: TypeAlias = Callable[[str, str], bytes]
"""Address and call data → what the contract returns, nothing where it does not answer."""


def described(call: Call, address: str) -> Token:
    """The token at an address. Raises Permanent naming what its contract says that no token can say."""
    try:
        return Token(
            address,
            description.decimals(_number(call(address, DECIMALS), address), address),
            description.symbol(_text(call(address, SYMBOL), f"{address}: symbol"), address),
            description.name(_text(call(address, NAME), f"{address}: name"), address),
        )
    except Fatal as error:
        raise Permanent(error.message, remedy=_BY_HAND) from error


class Node:
    """A node that is asked what contracts return at its latest block."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, address: str, data: str) -> bytes:
        """As `Call`. Raises NodeFailure, or Unsupported, for what is the node's own failure."""
        message: dict[str, object] = {"to": address, "data": data}
        try:
            answer = once.ask(self._url, "eth_call", message, "latest", seconds=_SECONDS, limit=_ANSWER_BYTES)
        except (NodeFailure, Unsupported) as error:
            if _REFUSED.search(error.what.lower()):
                return b""
            raise
        if isinstance(answer, str) and answer.startswith("0x"):
            try:
                return bytes.fromhex(answer[2:])
            except ValueError:
                pass
        raise NodeFailure(mask_url(self._url), "eth_call: an answer that is not bytes", "broken")


def _number(answer: bytes, where: str) -> int:
    if len(answer) < _WORD:
        raise Permanent(
            f"{where} has no decimals()", remedy=f"see that it is a token of this chain; else {_BY_HAND}"
        )
    return int.from_bytes(answer[:_WORD], "big")


def _text(answer: bytes, where: str) -> str:
    """A `string`, or the `bytes32` of tokens older than the ABI's strings, as MKR's contract has it."""
    if not answer:
        return ""
    if len(answer) > MOST_BYTES:
        raise Permanent(f"{where}: an answer of {len(answer):,} bytes", remedy=_BY_HAND)
    try:
        if len(answer) == _WORD:
            return answer.rstrip(b"\0").decode()
        (text,) = decode(["string"], answer)
    except (DecodingError, UnicodeDecodeError, OverflowError) as error:
        # Overflow: of a string that is 2**63 bytes long, by its own word.
        raise Permanent(f"{where}: neither string nor bytes32: {error}", remedy=_BY_HAND) from error
    return str(text)
