"""Cuts the lock to what a cluster's processes need: `base_lock.py [--only NAME…] < requirements.lock`.

The base install is what pyproject.toml's `dependencies` bring; the lock, which also has the extras, says by
whom each package was brought (`# via`). Only the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def base() -> set[str]:
    """The names of the base install, as pyproject.toml declares them."""
    declared = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]
    return {found[0].lower() for each in declared if (found := _NAME.match(each))}


def entries(lock: str) -> Iterator[tuple[str, set[str], str]]:
    """(package, who brought it, its lines) of every package of a lock."""
    for text in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if (found := _NAME.match(text)) is None:
            continue
        comments = " ".join(re.findall(r"^ +#(.*)$", text, re.MULTILINE)).replace("via ", "", 1)
        # The project itself brings what any of its extras asks for: that says nothing.
        yield found[0].lower(), set(_NAME.findall(re.sub(r"headwater \([^)]*\)", "", comments))), text


def cut(lock: str, wanted: Iterable[str], *, closed: bool = True) -> str:
    """The lines of the wanted packages and, if `closed`, of all that they bring.

    Raises SystemExit naming what the lock does not have.
    """
    packages = {name: (by, text) for name, by, text in entries(lock)}
    kept: set[str] = set()
    added = set(wanted)
    while added:
        if missing := added - packages.keys():
            raise SystemExit(f"requirements.lock has no {', '.join(sorted(missing))}: run `make lock`")
        kept |= added
        added = {name for name, (by, _) in packages.items() if closed and by & kept} - kept
    return "".join(text for name, (_, text) in packages.items() if name in kept)


def main() -> None:
    """Read the lock, write the part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], help="these packages alone")
    only = parser.parse_args().only
    sys.stdout.write(cut(sys.stdin.read(), only or base(), closed=not only))


if __name__ == "__main__":
    main()
