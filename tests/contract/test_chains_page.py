"""docs/chains.md says which forks and which habits there are, as the code has them."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from headwater.evm.forks import CHAINS
from headwater.settings import CHAIN_NAMES
from headwater.settings.profiles import FAMILIES, PROFILES
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "chains.md").read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column has this title, without the title."""
    lines = PAGE.split(f"| {first} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_fork_of_every_chain_is_there_with_its_fields() -> None:
    assert table("chain") == [
        [chain, fork.name, ", ".join(name for name, _ in fork.fields), fork.source]
        for chain, forks in CHAINS.items()
        for fork in forks
    ]


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return str(value).lower()


def test_every_profile_is_there_with_its_habits() -> None:
    assert table("profile") == [
        [
            name,
            ", ".join(str(each) for each in sorted(FAMILIES) if FAMILIES[each] == name),
            *(_written(value) for value in asdict(profile).values()),
        ]
        for name, profile in PROFILES.items()
    ]


@pytest.mark.parametrize("chain_id", [each for each in CHAIN_NAMES if each != 31337])
def test_a_chain_with_a_name_has_a_family(chain_id: int) -> None:
    assert chain_id in FAMILIES
