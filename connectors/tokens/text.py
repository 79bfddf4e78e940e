"""Tokens as people write them: YAML, one mapping or a list of them a file. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final

import yaml

from connectors.tokens import description
from connectors.tokens.description import Token
from headwater.errors import Fatal
from headwater.evm.addresses import address

_FIELDS: Final = ("address", "symbol", "name", "decimals", "chain_id")


class _Loader(yaml.SafeLoader):
    """YAML lets the last of two equal keys hold, in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read(text: str, name: str, chain_id: int) -> dict[str, Token]:
    """Address → token of a file's text, which is applied to the chain of this id.

    Raises Fatal naming the entry, also for a token that is there twice.
    """
    found: dict[str, Token] = {}
    places: dict[str, int] = {}
    for number, entry in enumerate(_entries(text, name), 1):
        token = _token(entry, f"{name}: token {number}", chain_id)
        if token.address in found:
            raise Fatal(
                f"{name}: token {number} ({token.address}) is token {places[token.address]} again",
                remedy="leave one of them in the file",
            )
        found[token.address], places[token.address] = token, number
    return found


def written(tokens: Iterable[Token], chain_id: int) -> str:
    """The text of a file that has these tokens."""
    entries = [
        {
            "chain_id": chain_id,
            "address": each.address,
            "symbol": each.symbol,
            "name": each.name,
            "decimals": each.decimals,
        }
        for each in tokens
    ]
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1_000)


def _entries(text: str, name: str) -> list[object]:
    try:
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:  # a ValueError for a date that there is not
        raise Fatal(f"{name} is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise Fatal(f"{name} is nested too deeply", remedy="see docs/statistics.md for an example") from error
    if content is None:
        raise Fatal(f"{name} has no tokens", remedy="write [] to have all of them taken out")
    return content if isinstance(content, list) else [content]


def _token(entry: object, where: str, chain_id: int) -> Token:
    if not isinstance(entry, dict):
        raise Fatal(f"{where} is not a mapping", remedy="see docs/statistics.md for an example")
    unknown = sorted(str(each) for each in entry if each not in _FIELDS)
    if unknown:
        raise Fatal(f"{where}: there is no {unknown[0]}", remedy=f"known: {', '.join(_FIELDS)}")
    missing = [each for each in ("address", "decimals") if each not in entry]
    if missing:
        raise Fatal(f"{where} has no {missing[0]}", remedy="address and decimals must be there")
    own = entry["address"]
    if not isinstance(own, str):  # 0x… without quotes is a number to YAML
        raise Fatal(f"{where}: address is not text", remedy='put it in quotes: "0x…"')
    own = address(own, where)
    where = f"{where} ({own})"
    chain = entry.get("chain_id", chain_id)
    if chain != chain_id or isinstance(chain, bool):
        raise Fatal(
            f"{where} is of chain {chain}, not of {chain_id}",
            remedy="keep a file for each chain, and name the chain by HEADWATER_CHAIN__NAME",
        )
    return Token(
        own,
        description.decimals(entry["decimals"], where),
        description.symbol(entry.get("symbol", ""), where),
        description.name(entry.get("name", ""), where),
    )
