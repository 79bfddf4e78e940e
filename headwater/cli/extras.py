"""The extra `local`: packages that only the local stack uses, and that a cluster's processes do without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import metadata
from typing import Final

from headwater.errors import Fatal

LOCAL: Final = "local"
COMMANDS: Final = frozenset({"up", "status", "node"})
"""The commands that need it."""

BASE: Final = frozenset({("node", "check")})
"""Commands of theirs that do not."""

_REQUIREMENT: Final = re.compile(r"""^([A-Za-z0-9._-]+).*;.*\bextra == ['"]local['"]""")


def require_local(command: str, words: Sequence[str] = ()) -> None:
    """Raises Fatal naming what is missing and how to get it, when a command needs packages not here.

    `words` are those of the command line.
    """
    if tuple(words[:2]) in BASE:
        return
    missing = [name for name in packages() if not _installed(name)]
    if command in COMMANDS and missing:
        raise Fatal(
            f"`headwater {command}` is for a local stack, some of whose packages are not installed: "
            f"{', '.join(missing)}",
            remedy="pip install 'headwater[local]'",
        )


def packages() -> list[str]:
    """The packages of the extra, as this installation declares them."""
    return [found[1] for each in metadata.requires("headwater") or () if (found := _REQUIREMENT.match(each))]


def _installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
