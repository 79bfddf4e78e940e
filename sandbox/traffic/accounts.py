"""The accounts of the local chain: anvil's own ten, each with one task."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from eth_account import Account
from eth_account.signers.local import LocalAccount
from sha3 import keccak_256

from headwater.evm.rlp import encode_bytes, encode_int, encode_list

MNEMONIC = "test test test test test test test test test test test junk"
"""The public development mnemonic that anvil and hardhat give ether to."""
SENDERS = 8
BLOB_SENDER = 7
"""The one of the senders that sends blobs, and only blobs: anvil takes seconds over its first one."""
AUTHORITY = 8
"""The account that delegates itself to code by authorization (EIP-7702); it sends nothing."""
DEPLOYER = 9
"""Sends the deployment script and nothing else, so its contracts have known addresses."""


@dataclass(frozen=True, slots=True)
class Accounts:
    senders: tuple[LocalAccount, ...]
    authority: LocalAccount
    deployer: LocalAccount


@cache
def accounts() -> Accounts:
    """Return the accounts, derived once (deriving takes some milliseconds each)."""
    Account.enable_unaudited_hdwallet_features()  # the audit matters for keys that are worth something
    derived = [Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i in range(10)]
    return Accounts(tuple(derived[:SENDERS]), derived[AUTHORITY], derived[DEPLOYER])


def created_address(creator: str, nonce: int) -> str:
    """Return the address of the contract that a creation at `nonce` makes (Yellow Paper, section 7)."""
    items = [encode_bytes(bytes.fromhex(creator[2:])), encode_int(nonce)]
    digest: bytes = keccak_256(encode_list(items)).digest()
    return "0x" + digest[12:].hex()


def outsider(seed: int, number: int) -> str:
    """Return the address of somebody who only receives."""
    return "0x" + sha256(f"headwater outsider {seed} {number}".encode()).hexdigest()[:40]
