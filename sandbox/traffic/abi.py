"""The compiled contracts and the encoding of calls to them."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

import orjson
from eth_abi.abi import decode as decode_abi
from eth_abi.abi import encode
from sha3 import keccak_256

NAMES = ("token", "collectible", "items", "pair")


@dataclass(frozen=True, slots=True)
class Contract:
    """A compiled contract: creation bytecode, and the input types of its functions by name.

    A function with default parameters is kept in its longest form.
    """

    bytecode: bytes
    inputs: dict[str, tuple[str, ...]]

    def call(self, function: str, *arguments: object) -> bytes:
        """Return the call data: selector and encoded arguments."""
        types = self.inputs[function]
        selector: bytes = keccak_256(f"{function}({','.join(types)})".encode()).digest()[:4]
        return selector + encode(types, arguments)

    def creation(self, *arguments: object) -> bytes:
        """Return the data of a creation: bytecode and encoded constructor arguments."""
        return self.bytecode + encode(self.inputs["__init__"], arguments)


@cache
def contract(name: str) -> Contract:
    """Return one of `NAMES`."""
    folder = resources.files(__package__).joinpath("contracts")
    compiled = orjson.loads(folder.joinpath("contracts.json").read_bytes())[name]
    inputs: dict[str, tuple[str, ...]] = {"__init__": ()}
    for entry in cast(list[dict[str, Any]], compiled["abi"]):
        if entry["type"] == "event":
            continue
        name = "__init__" if entry["type"] == "constructor" else entry["name"]
        types = tuple(item["type"] for item in entry["inputs"])
        if len(types) >= len(inputs.get(name, ())):
            inputs[name] = types
    return Contract(bytes.fromhex(compiled["bytecode"][2:]), inputs)


def decode(types: tuple[str, ...], data: str) -> tuple[object, ...]:
    """Return the values of a call's hex answer."""
    return decode_abi(types, bytes.fromhex(data[2:]))
