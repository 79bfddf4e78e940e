"""What a chain's profile lets its verifier pass."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from connectors.evm.blocks.decode import decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.leading import verifier_of
from headwater.evm.answers.absent import NOBODY
from headwater.evm.header import header_hash
from headwater.settings import ChainSettings
from headwater.settings.chain import Exemption
from headwater.settings.profiles import FAMILIES, profile_of
from tests.builders.chain_answers import block
from tests.builders.chain_of import chain_id_of, profile_of_block
from tests.builders.recorded_answers import with_receipts

WITHOUT_MIX_HASH = {17173049, 17173050}
"""Rebuilt by a peer from its tables."""
EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


@pytest.mark.parametrize(
    ("chain_id", "exempt"),
    [
        (1, ()),
        (10, ("deposits",)),
        (137, ("state_sync", "signer_as_miner")),
        (43114, ("settled",)),
        (987_654, ("signer_as_miner", "deposits", "unlisted", "bare")),
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


@pytest.mark.parametrize("chain_id", [59_144, 987_654], ids=["linea", "any"])
def test_a_chain_that_is_not_known_may_show_its_signer_as_miner(chain_id: int) -> None:
    """Of Clique, whose header has zeros there (go-ethereum#23455), and of Polygon's forks."""
    empty = block([], miner=NOBODY, gasUsed="0x0", transactionsRoot=EMPTY_ROOT, logsBloom="0x" + "00" * 256)
    shown = empty | {"hash": "0x" + header_hash(empty).hex(), "miner": "0x" + "ab" * 20}
    decoded = decode_block(json.dumps(shown).encode())
    verifier_of(profile_of(chain_id, ChainSettings()), "all").check_header(decoded)
    with pytest.raises(CheckError, match=r"do not hash .*with the zero address .*signer_as_miner"):
        verifier_of(profile_of(1, ChainSettings()), "all").check_header(decoded)
    other = decode_block(json.dumps(shown | {"gasLimit": "0x1"}).encode())
    with pytest.raises(CheckError, match=r"do not hash to \w+ \(chain\.verify_header_hash"):
        verifier_of(profile_of(chain_id, ChainSettings()), "all").check_header(other)


def test_a_block_without_transactions_may_have_gas_where_nodes_list_not_all() -> None:
    """Of transactions that are none of Ethereum's kind (ethermint)."""
    given = decode_block(json.dumps(block([], gasUsed="0x5208", logsBloom="0x" + "00" * 256)).encode())
    lenient = ChainSettings(verify_header_hash=False)
    assert verifier_of(profile_of(987_654, lenient), "off").check(given, []) == ("receipts", "logs_bloom")
    with pytest.raises(CheckError, match="it has no receipts, its header says 21000"):
        verifier_of(profile_of(1, lenient), "off").check(given, [])


def test_types_whose_receipts_must_make_the_root_are_those_that_are_set() -> None:
    chain = ChainSettings(receipt_types=(0x64, 0x6A))
    assert verifier_of(profile_of(42161, chain), "all").roots.receipt_types == (0x64, 0x6A)
    assert verifier_of(profile_of(42161, ChainSettings()), "all").roots.receipt_types == ()


@pytest.mark.parametrize(("chain_id", "height"), [(1, 4_370_000), (61, 8_772_000), (11155111, 0), (5_151, 0)])
def test_byzantium_is_the_chains_or_what_is_set(chain_id: int, height: int) -> None:
    assert verifier_of(profile_of(chain_id, ChainSettings()), "all").roots.byzantium == height
    own = profile_of(chain_id, ChainSettings(byzantium_block=7))
    assert verifier_of(own, "all").roots.byzantium == 7


@pytest.mark.data
def test_every_real_block_passes_with_all_roots_of_its_chain(shared_data: Path) -> None:
    seen: Counter[str] = Counter()
    for answer, receipts in with_receipts(shared_data):
        number = int(answer["number"], 16)
        if number in WITHOUT_MIX_HASH:
            continue
        profile = profile_of_block(answer)
        verifier = verifier_of(profile, "all")
        decoded = decode_block(json.dumps(answer).encode())
        verifier.check_header(decoded)
        verified = verifier.check(decoded, decode_receipts(json.dumps(receipts).encode()))
        wanted = {"header_hash", "receipts", "logs_bloom", "transactions_root", "receipts_root"}
        assert wanted <= set(verified), number
        seen[FAMILIES.get(chain_id_of(answer), "unknown")] += 1
    assert seen["ethereum"] > 40
    assert min(seen["polygon"], seen["op-stack"], seen["unknown"]) > 0


@pytest.mark.data
def test_a_block_of_polygon_needs_its_profile_where_the_id_is_not_known(shared_data: Path) -> None:
    tried = 0
    for answer, receipts in with_receipts(shared_data):
        decoded = decode_block(json.dumps(answer).encode())
        listed = decode_receipts(json.dumps(receipts).encode())
        last = answer["transactions"][-1] if answer["transactions"] else {}
        if chain_id_of(answer) != 137 or last["from"] != "0x" + "00" * 20:
            continue
        tried += 1
        with pytest.raises(CheckError, match=r"chain\.profile=polygon is for a chain"):
            verifier_of(profile_of(987_654, ChainSettings()), "all").check(decoded, listed)
        named = verifier_of(profile_of(987_654, ChainSettings(profile="polygon")), "all")
        assert "receipts_root" in named.check(decoded, listed)
    assert tried > 1
