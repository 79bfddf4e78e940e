"""The compiled contracts, and calls to them as web3.py encodes them."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import orjson
from web3 import Web3

NAMES = ("token", "collectible", "items", "pair")
_WEB3 = Web3()
"""Without a node: it encodes and decodes."""


class Contract:
    """A compiled contract. Addresses among the arguments may be of any case."""

    def __init__(self, abi: list[dict[str, Any]], bytecode: str) -> None:
        self._contract = _WEB3.eth.contract(abi=abi, bytecode=bytecode)
        self.bytecode = bytes.fromhex(bytecode[2:])

    def call(self, function: str, *arguments: object) -> bytes:
        """Return the call data: selector and encoded arguments."""
        return _bytes(self._contract.encode_abi(function, args=[_checksum(each) for each in arguments]))

    def creation(self, *arguments: object) -> bytes:
        """Return the data of a creation: bytecode and encoded constructor arguments."""
        return _bytes(self._contract.constructor(*map(_checksum, arguments)).data_in_transaction)


@cache
def contract(name: str) -> Contract:
    """Return one of `NAMES`."""
    folder = resources.files(__package__).joinpath("contracts")
    compiled = orjson.loads(folder.joinpath("contracts.json").read_bytes())[name]
    return Contract(compiled["abi"], compiled["bytecode"])


def decode(types: tuple[str, ...], data: str) -> tuple[object, ...]:
    """Return the values of a call's hex answer."""
    return tuple(_WEB3.codec.decode(types, _bytes(data)))


def _checksum(argument: object) -> object:
    """web3 takes addresses with their checksum only (EIP-55)."""
    is_address = isinstance(argument, str) and Web3.is_address(argument)
    return Web3.to_checksum_address(str(argument)) if is_address else argument


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
