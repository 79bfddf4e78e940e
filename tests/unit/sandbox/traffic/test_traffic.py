"""What the traffic generator chooses, signs and plans, without a node."""

from random import Random

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from sandbox.traffic.abi import NAMES, contract, decode
from sandbox.traffic.accounts import BLOB_SENDER, SENDERS, accounts, created_address
from sandbox.traffic.actions import TOUR, Action, Chooser, Fate
from sandbox.traffic.deployment import places, script
from sandbox.traffic.makers import ActionKind, Inventory
from sandbox.traffic.reorg import Orphan, allowed_depth, plan_reorg
from sandbox.traffic.signing import BLOB, VERSIONED_HASH, Fees, sign_action, sign_cancellation, sign_step

CHAIN = 31337
FEES = Fees(10**9)


def draw(count: int, seed: int = 7) -> list[Action]:
    chooser = Chooser(seed)
    return [chooser.next(Inventory({0: [1, 2, 3], 5: [9]})) for _ in range(count)]


def test_the_same_seed_chooses_the_same() -> None:
    assert draw(200) == draw(200)
    assert draw(200) != draw(200, seed=8)


def test_the_tour_shows_everything_soon() -> None:
    actions = draw(len(TOUR))
    assert {action.kind for action in actions} | {ActionKind.ERC721, ActionKind.APPROVE} == set(ActionKind)
    assert {action.fate for action in actions} == set(Fate)
    assert {action.type for action in draw(200)} == {0, 1, 2, 3, 4}


def test_a_collectible_is_moved_by_its_owner_once() -> None:
    inventory = Inventory({sender: [sender] for sender in range(SENDERS)})
    chooser = Chooser(3)
    moved = [a for a in (chooser.next(inventory) for _ in range(2000)) if a.kind is ActionKind.ERC721]
    ids = [decode(("address", "address", "uint256"), "0x" + action.data[4:].hex())[2] for action in moved]
    assert ids == [action.sender for action in moved]
    assert len(ids) == len(set(ids)) == SENDERS - 1


def test_busy_senders_and_missing_allowances() -> None:
    chooser = Chooser(1)
    busy = [0, 1, 2, 3, 4, 5]
    drawn = [chooser.next(Inventory(), busy) for _ in range(20)]
    assert {action.sender for action in drawn if action.kind is not ActionKind.BLOB} == {6}
    assert {action.sender for action in drawn if action.kind is ActionKind.BLOB} == {BLOB_SENDER}
    inventory = Inventory(unapproved=[(4, places().gold)])
    action = chooser.next(inventory)
    assert (action.kind, action.sender, action.to) == (ActionKind.APPROVE, 4, places().gold)
    assert inventory.unapproved == []


@pytest.mark.parametrize("seed", [1, 2])
def test_signed_transactions_are_of_their_sender(seed: int) -> None:
    by_type: dict[int, Action] = {}
    for action in draw(150, seed):
        by_type.setdefault(action.type, action)
    assert sorted(by_type) == [0, 1, 2, 3, 4]
    for type_, action in by_type.items():
        signed = sign_action(action, 3, FEES, CHAIN, authority_nonce=2)
        if type_ == 3:
            assert BLOB.hex() in signed.raw
            assert VERSIONED_HASH.hex() in signed.raw
            continue  # recovery does not know the network form with its blobs
        assert Account.recover_transaction(signed.raw) == accounts().senders[action.sender].address
        replaced = sign_action(action, 3, FEES, CHAIN, authority_nonce=2, factor=2)
        assert replaced.hash != signed.hash
        cancelled = sign_cancellation(action, 3, FEES, CHAIN)
        assert Account.recover_transaction(cancelled.raw) == accounts().senders[action.sender].address


def test_the_deployment_is_a_script_by_nonce() -> None:
    steps = script()
    assert [step.to for step in steps[:5]] == [None] * 5
    # The address of account 0's first creation is known to every user of anvil and hardhat.
    assert created_address(accounts().senders[0].address, 0) == "0x5fbdb2315678afecb367f032d93f642f64180aa3"
    assert places().pair == created_address(accounts().deployer.address, 4)
    at = places()
    assert {step.to for step in steps[5:]} == {at.gold, at.silver, at.collectible, at.items, at.pair}
    signed = sign_step(steps[7], 7, FEES, CHAIN)
    assert Account.recover_transaction(signed.raw) == accounts().deployer.address


SOMEBODY = "0x" + "1a" * 20  # without its checksum


@pytest.mark.parametrize(
    ("name", "function", "arguments", "selector"),
    [
        ("token", "transfer", (SOMEBODY, 1), "a9059cbb"),
        ("token", "transferFrom", (SOMEBODY, SOMEBODY, 1), "23b872dd"),
        ("collectible", "safeTransferFrom", (SOMEBODY, SOMEBODY, 1, b""), "b88d4fde"),
        ("items", "safeTransferFrom", (SOMEBODY, SOMEBODY, 1, 1, b""), "f242432a"),
        ("items", "safeBatchTransferFrom", (SOMEBODY, SOMEBODY, [1], [1], b""), "2eb2c2d6"),
    ],
)
def test_contracts_have_the_functions_of_their_standards(
    name: str, function: str, arguments: tuple[object, ...], selector: str
) -> None:
    data = contract(name).call(function, *arguments)
    assert data[:4].hex() == selector
    assert data[16:36].hex() == "1a" * 20
    assert all(len(contract(each).bytecode) > 500 for each in NAMES)
    assert contract("pair").creation(SOMEBODY, SOMEBODY).startswith(contract("pair").bytecode)


orphans = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30)), unique=True, max_size=40).map(
    lambda pairs: [Orphan(sender, nonce, f"{sender}{nonce}") for sender, nonce in pairs]
)


@given(orphans, st.integers(1, 8), st.integers())
def test_a_reorg_plan_keeps_nonces_in_order(found: list[Orphan], depth: int, seed: int) -> None:
    plan = plan_reorg(found, depth, Random(seed))
    assert len(plan.moved) + len(plan.resent) + plan.lost == len(found)
    assert all(0 <= place < depth for _, place in plan.moved)
    assert [place for _, place in plan.moved] == sorted(place for _, place in plan.moved)
    kept = [raw for raw, _ in plan.moved] + list(plan.resent)
    for sender in "abcd":
        mine = [orphan.raw for orphan in sorted(found, key=lambda o: o.nonce) if orphan.sender == sender]
        stays = [raw for raw in kept if raw.startswith(sender)]
        assert stays == mine[: len(stays)]


@pytest.mark.parametrize(
    ("wanted", "head", "finalized", "depth"),
    [(3, 100, 84, 3), (8, 100, 84, 8), (20, 100, 84, 15), (3, 2, 0, 1), (3, 1, 0, 0), (3, 0, 0, 0)],
)
def test_a_reorg_never_reaches_the_finalized_block(
    wanted: int, head: int, finalized: int, depth: int
) -> None:
    assert allowed_depth(wanted, head, finalized) == depth
