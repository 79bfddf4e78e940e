"""Blocks that the node makes up or writes anew have the roots and hashes of what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import decode_block, decode_receipts
from connectors.evm.blocks.roots import RECEIPTS_ROOT, TRANSACTIONS_ROOT, WITHDRAWALS_ROOT, RootChecks
from headwater.evm.bloom import Bloom
from headwater.settings.profiles import PROFILES
from sandbox.node import AdjustableChain, Chain, LoopedChain, RecordedChain

ROOTS = {TRANSACTIONS_ROOT, RECEIPTS_ROOT, WITHDRAWALS_ROOT}
VERIFIER = Verifier(Bloom(), roots=RootChecks(Bloom(), "all"))


POLYGON = replace(VERIFIER, exempt=PROFILES["polygon"].exemptions)


def verified(chain: Chain, number: int, verifier: Verifier = VERIFIER) -> set[str]:
    found = chain.by_number(number)
    assert found is not None
    block = decode_block(found.part("block") or b"")
    verifier.check_header(block)
    return set(verifier.check(block, decode_receipts(found.part("receipts") or b"")))


def test_a_made_up_block_is_verified_whole_also_on_another_branch() -> None:
    chain = AdjustableChain.synthetic(3)
    assert all(verified(chain, number) >= ROOTS for number in (1, 2, 3))
    chain.fork(2)
    assert all(verified(chain, number) >= ROOTS for number in (1, 2, 3, 4))


def test_a_looped_block_is_verified_whole_also_on_another_branch() -> None:
    looped = LoopedChain(AdjustableChain.synthetic(3), 3)
    assert all(verified(looped, number) >= ROOTS for number in range(1, 10))
    forked = AdjustableChain.over(looped, 8)
    forked.fork(4)
    assert all(verified(forked, number) >= ROOTS for number in range(1, 10))


@pytest.mark.data
def test_real_blocks_are_verified_whole_in_every_round(shared_data: Path) -> None:
    chain = LoopedChain(RecordedChain([shared_data / "mainnet-contiguous-17686110-17686132"]), 2)
    last = chain.by_number(chain.last())
    assert last is not None
    assert verified(chain, chain.last()) >= ROOTS
    for number in (chain.first(), chain.first() + 24):
        assert verified(chain, number) >= ROOTS
    for hash_ in last.transactions():
        assert chain.of_transaction(hash_) is last


@pytest.mark.data
def test_the_state_sync_transaction_of_polygon_keeps_its_place_outside(shared_data: Path) -> None:
    folder = shared_data / "chainstorage" / "polygon_mainnet" / "10000000" / "input_reconstructed"
    chain = LoopedChain(RecordedChain([folder], chain_id=137), 2)
    assert {TRANSACTIONS_ROOT, RECEIPTS_ROOT} <= verified(chain, chain.last(), POLYGON)
