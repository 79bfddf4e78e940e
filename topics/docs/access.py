"""The table of docs/security.md: `python -m topics.docs.access` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from topics.access import COMMANDS, PER_PARTITION, ROLES, Access, access_of
from topics.groups import NAMES

HEAD: Final = """\
| who | topics | groups | transactional ids |
| --- | --- | --- | --- |
| `topics apply` | Create, Alter, AlterConfigs, Describe and DescribeConfigs on all | | |
| `topics plan`, `helm test` | Describe and DescribeConfigs on all | | |
| `doctor` | the same, and DescribeConfigs on the cluster for the brokers' version, left out without | | |
| `topics tail` | Read on what it is asked for | | |
"""


def table() -> str:
    """All rows."""
    return HEAD + "".join(f"{_row(access_of(who))}\n" for who in (*ROLES, *COMMANDS))


def _row(access: Access) -> str:
    name = f"work {access.who}" if access.who in NAMES else access.who
    groups = (_on("Read", access.read_groups), _on("Describe", access.asked_groups))
    ids = (f"{each} (prefixed)" if each.endswith(PER_PARTITION) else each for each in access.transactional)
    cells = (f"`{name}`", _joined(_topics(access)), _joined(groups), _joined((_on("Write", ids),)))
    return f"| {' | '.join(cells)} |"


def _topics(access: Access) -> Iterator[str]:
    both = access.read & access.write
    yield _on("Read and Write", [*sorted(both), *(f"…{each}" for each in access.own)])
    yield _on("Read", sorted(access.read - both))
    yield _on("Write", sorted(access.write - both))
    yield _on("Delete", sorted(access.delete))
    yield _on("Describe", sorted(access.describe))


def _on(operations: str, names: Iterable[str]) -> str:
    listed = ", ".join(
        f"`{name.removesuffix(' (prefixed)')}`{' (prefixed)' if name.endswith('(prefixed)') else ''}"
        for name in names
    )
    return f"{operations} on {listed}" if listed else ""


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)


if __name__ == "__main__":
    sys.stdout.write(table())
