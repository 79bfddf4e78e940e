"""The 23 consecutive mainnet blocks that every figure is about."""

from __future__ import annotations

import os
from pathlib import Path

FIRST = 17_686_110
COUNT = 23
# Transactions, logs and ERC-20/721 transfers of the 23 blocks: the denominator of every figure.
RECORDS = 19_098


def folder() -> Path | None:
    """Where the recording lies, None where it is absent."""
    data = Path(os.environ.get("HEADWATER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = data / "mainnet-contiguous-17686110-17686132"
    return path if path.is_dir() else None
