"""Words of the settings of a chain."""

from __future__ import annotations

from typing import Literal

VerifyRoots = Literal["off", "sampled", "all", "head"]
Root = Literal["transactions", "receipts", "withdrawals"]
