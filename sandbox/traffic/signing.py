"""Signed transactions of every type that the local chain takes: 0 to 4."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from eth_account.signers.local import LocalAccount

from headwater.evm.rlp import encode_bytes, encode_list
from sandbox.traffic.accounts import accounts
from sandbox.traffic.actions import Action
from sandbox.traffic.deployment import Step, places

CHEAP_TRANSFER_GAS = 21_000
BUMP = 2
"""A replacement pays this many times as much; nodes want at least a tenth more."""
BLOB_FEE_CAP_WEI = 10**10
# eth-account makes sidecars too, but loads the trusted setup for each: seven seconds a blob, measured.
# A blob whose 4096 field elements are all 1 is the constant polynomial 1: its KZG commitment is the
# generator of G1, its proof the point at infinity (EIP-4844), so no trusted setup is needed.
BLOB = (1).to_bytes(32, "big") * 4096
COMMITMENT = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)
PROOF = b"\xc0" + bytes(47)
VERSIONED_HASH = b"\x01" + sha256(COMMITMENT).digest()[1:]


@dataclass(frozen=True, slots=True)
class Fees:
    """The chain's base fee in wei, with room for its rise until the transaction is mined."""

    base_fee: int

    def cap(self, tip: int) -> int:
        return 2 * self.base_fee + tip


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction as sent, and its hash (both hex)."""

    raw: str
    hash: str


def sign_step(step: Step, nonce: int, fees: Fees, chain_id: int) -> Signed:
    """Return a step of the deployment, signed by the deployer."""
    fields: dict[str, object] = {
        "type": 2,
        "maxFeePerGas": fees.cap(10**8),
        "maxPriorityFeePerGas": 10**8,
        "value": 0,
    }
    fields |= {"chainId": chain_id, "nonce": nonce, "gas": step.gas, "data": step.data}
    if step.to is not None:
        fields["to"] = _address_bytes(step.to)
    return _sign(accounts().deployer, fields)


def sign_action(
    action: Action, nonce: int, fees: Fees, chain_id: int, *, authority_nonce: int = 0, factor: int = 1
) -> Signed:
    """Return an action signed by its sender; fees are multiplied by `factor`.

    `authority_nonce` is the nonce of the account that an authorization delegates (EIP-7702).
    """
    fields: dict[str, object] = {"value": action.value, "data": action.data, "gas": action.gas}
    fields |= {"chainId": chain_id, "nonce": nonce}
    if action.to is not None:
        fields["to"] = _address_bytes(action.to)
    cap, tip = factor * fees.cap(action.tip), factor * action.tip
    if action.type < 2:
        fields["gasPrice"] = cap
    else:
        fields |= {"maxFeePerGas": cap, "maxPriorityFeePerGas": tip, "type": action.type}
    if action.type == 1:
        storage = ["0x" + bytes(32).hex()]
        fields |= {
            "type": 1,
            "accessList": [{"address": fields.get("to", places().gold), "storageKeys": storage}],
        }
    elif action.type == 3:
        fields |= {"maxFeePerBlobGas": BLOB_FEE_CAP_WEI, "blobVersionedHashes": [VERSIONED_HASH]}
    elif action.type == 4:
        # Delegated to the collectible on even nonces, back to plain on odd ones.
        target = bytes.fromhex(places().collectible[2:]) if authority_nonce % 2 == 0 else bytes(20)
        authorization = {"chainId": chain_id, "address": target, "nonce": authority_nonce}
        fields["authorizationList"] = [accounts().authority.sign_authorization(authorization)]
    signed = _sign(accounts().senders[action.sender], fields)
    return Signed(_with_sidecar(signed.raw), signed.hash) if action.type == 3 else signed


def sign_cancellation(action: Action, nonce: int, fees: Fees, chain_id: int) -> Signed:
    """Return a transfer of nothing to oneself that takes the place of an action."""
    account = accounts().senders[action.sender]
    fields: dict[str, object] = {"to": account.address, "value": 0, "gas": CHEAP_TRANSFER_GAS, "data": b""}
    fields |= {"chainId": chain_id, "nonce": nonce, "type": 2}
    fields |= {
        "maxFeePerGas": BUMP * fees.cap(action.tip),
        "maxPriorityFeePerGas": BUMP * fees.cap(action.tip),
    }
    return _sign(account, fields)


def _with_sidecar(raw: str) -> str:
    """Return the network form of a blob transaction (EIP-4844, "Networking")."""
    parts = [encode_list([encode_bytes(part)]) for part in (BLOB, COMMITMENT, PROOF)]
    return "0x03" + encode_list([bytes.fromhex(raw[4:]), *parts]).hex()


def _sign(account: LocalAccount, fields: dict[str, object]) -> Signed:
    signed = account.sign_transaction(fields)  # type: ignore[arg-type]
    return Signed("0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex())


@cache
def _address_bytes(address: str) -> bytes:
    """Return an address as bytes, which need no checksum."""
    return bytes.fromhex(address[2:])
