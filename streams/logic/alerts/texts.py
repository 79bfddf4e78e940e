"""Which strings of the records that rules look at are texts: any other is a number in base 10."""

from __future__ import annotations

from typing import Final

TEXTS: Final = frozenset({"extra", "receipt_extra", "receipt_l1_fee_scalar", "evidence"})
