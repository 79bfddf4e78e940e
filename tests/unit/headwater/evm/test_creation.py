"""Where a transaction's contract comes to be."""

from __future__ import annotations

import pytest

from headwater.evm.creation import created_by


@pytest.mark.parametrize(
    ("nonce", "address"),
    [
        # ethereum/go-ethereum crypto/crypto_test.go, TestNewContractAddress, has the like of these.
        (0, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
        (1, "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
        (2, "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
        (3, "0xfffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
    ],
)
def test_an_address_is_of_sender_and_nonce(nonce: int, address: str) -> None:
    assert created_by("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", nonce) == address
    assert created_by("0x6AC7EA33F8831EA9DCC53393AAA88B25A785DBF0", nonce) == address
