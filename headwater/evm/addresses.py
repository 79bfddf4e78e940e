"""Addresses as people write them."""

from __future__ import annotations

import re
from typing import Final

from headwater.errors import Fatal

_ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}")


def address(text: str, where: str) -> str:
    """An address in lower case. Raises Fatal that says where it stands."""
    if not _ADDRESS.fullmatch(text):
        raise Fatal(f"{where}: {text!r} is not an address", remedy="an address is 0x and 40 hex digits")
    return text.lower()
