"""What a chain's profile lets its verifier pass."""

from __future__ import annotations

import pytest

from connectors.evm.leading import verifier_of
from headwater.settings import ChainSettings
from headwater.settings.chain import Exemption
from headwater.settings.profiles import profile_of


@pytest.mark.parametrize(
    ("chain_id", "exempt"),
    [
        (1, ()),
        (10, ("deposits",)),
        (137, ("state_sync", "signer_as_miner")),
        (43114, ("settled",)),
        (987_654, ("deposits", "unlisted", "bare")),
    ],
    ids=["ethereum", "op-stack", "polygon", "avalanche", "unknown"],
)
def test_what_is_exempt_is_the_profiles_or_what_is_set(chain_id: int, exempt: tuple[Exemption, ...]) -> None:
    verifier = verifier_of(profile_of(chain_id, ChainSettings()), "all")
    assert verifier.exempt == verifier.roots.exempt == exempt
    own = verifier_of(profile_of(chain_id, ChainSettings(exemptions=("bare",))), "all")
    assert own.exempt == own.roots.exempt == ("bare",)
    none = verifier_of(profile_of(chain_id, ChainSettings(exemptions=())), "all")
    assert none.exempt == none.roots.exempt == ()


def test_types_of_arbitrum_are_those_from_nitro_on() -> None:
    nitro = verifier_of(profile_of(42161, ChainSettings()), "all")
    assert nitro.roots.receipt_types == (0x64, 0x65, 0x66, 0x68, 0x69, 0x6A)
    before = verifier_of(profile_of(42161, ChainSettings(verify_header_hash=False)), "all")
    assert before.roots.receipt_types == ()


@pytest.mark.parametrize(("chain_id", "height"), [(1, 4_370_000), (61, 8_772_000), (11155111, 0), (5_151, 0)])
def test_byzantium_is_the_chains_or_what_is_set(chain_id: int, height: int) -> None:
    assert verifier_of(profile_of(chain_id, ChainSettings()), "all").roots.byzantium == height
    own = profile_of(chain_id, ChainSettings(byzantium_block=7))
    assert verifier_of(own, "all").roots.byzantium == 7
