"""Which habits a chain is followed with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headwater.errors import Fatal
from headwater.settings import ChainSettings, load_settings
from headwater.settings.profiles import BYZANTIUM, PROFILES, UNKNOWN, Profile, profile_of, with_profile


@pytest.mark.parametrize(("chain_id", "family"), [(1, "ethereum"), (10, "op-stack"), (137, "polygon")])
def test_a_known_chain_has_the_habits_of_its_family(chain_id: int, family: str) -> None:
    habits = replace(PROFILES[family], byzantium_block=BYZANTIUM.get(chain_id, 0))  # type: ignore[index]
    assert profile_of(chain_id, ChainSettings()) == habits


def test_a_chain_that_nobody_knows_finds_out_about_its_tags() -> None:
    assert profile_of(987_654, ChainSettings()) == UNKNOWN
    assert UNKNOWN.finality == "auto"


def test_a_family_can_be_named_for_any_chain() -> None:
    assert profile_of(987_654, ChainSettings(profile="op-stack")).roots == ("transactions", "receipts")


def test_what_is_set_goes_before_the_profile_off_included() -> None:
    chain = ChainSettings(verify_bloom=False, finality="depth", roots=())
    assert profile_of(10, chain) == Profile(
        finality="depth", verify_bloom=False, roots=(), exemptions=("deposits",)
    )
    assert with_profile(chain, 10).finality == "depth"
    assert with_profile(chain, 10).verify_header_hash is True


def test_habits_are_set_by_the_environment_as_any_setting() -> None:
    names = {
        "PROFILE": "gnosis",
        "ROOTS": "receipts, transactions",
        "BLOCK_RECEIPT": "true",
        "EXEMPTIONS": "state_sync, settled",
        "RECEIPT_TYPES": "100,104",
    }
    chain = load_settings(environ={f"HEADWATER_CHAIN__{name}": value for name, value in names.items()}).chain
    assert (chain.profile, chain.roots, chain.block_receipt) == ("gnosis", ("receipts", "transactions"), True)
    assert chain.receipt_types == (100, 104)
    assert chain.exemptions == ("state_sync", "settled")
    with pytest.raises(Fatal, match=r"chain\.exemptions"):
        load_settings(environ={"HEADWATER_CHAIN__EXEMPTIONS": "all"})
    with pytest.raises(Fatal, match=r"chain\.roots"):
        load_settings(environ={"HEADWATER_CHAIN__ROOTS": "state"})
    with pytest.raises(Fatal, match=r"chain\.profile"):
        load_settings(environ={"HEADWATER_CHAIN__PROFILE": "opstack"})
