"""Files of addresses: one per line, behind it a remark or a label; `#` begins a comment. Pure."""

from __future__ import annotations

import re
from typing import Final

from headwater.errors import Fatal
from headwater.evm.addresses import address

_NAME: Final = re.compile("[a-z_][a-z0-9_]{0,62}")
LONGEST: Final = 256
"""Characters behind an address, as in a label of a rule: alerts carry them, and must fit a message."""


def list_name(name: str) -> str:
    """The name, if rules can write `lists.<name>`. Raises Fatal."""
    if not _NAME.fullmatch(name):
        raise Fatal(
            f"{name!r} cannot name a list",
            remedy="use lower-case letters, digits and underscores: rules write lists.<name>",
        )
    return name


def addresses(text: str, name: str, *, labelled: bool = False) -> dict[str, str]:
    """Address → what stands behind it, of a file's text; `labelled`: each must have something there.

    Raises Fatal naming the line, also for too many words, and for an address that is there twice with others.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words, where = line.partition("#")[0].replace(",", " ", 1).split(None, 1), f"{name}:{number}"
        if not words:
            continue
        own, remark = address(words[0], where), words[1].strip() if len(words) > 1 else ""
        if len(remark) > LONGEST:
            raise Fatal(
                f"{where}: {len(remark):,} characters behind {own}, {LONGEST} is the limit",
                remedy="begin what is not a label with #",
            )
        if labelled and not remark:
            raise Fatal(f"{where}: {own} has no label", remedy="write it behind the address")
        if found.setdefault(own, remark) != remark:
            raise Fatal(f"{where}: {own} is there twice: {found[own]!r} and {remark!r}")
    return found
