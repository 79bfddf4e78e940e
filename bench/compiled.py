"""Bytecode beside the sources, as whatever is installed has it: the image's code, and the peers'.

In a checkout where Python may not write it, each process compiles all that it imports again.
"""

from __future__ import annotations

import compileall
from pathlib import Path

ROOT = Path(__file__).parents[1]


def compile_packages() -> None:
    """Compile what changed. Raises RuntimeError where that cannot be written."""
    for package in sorted(each.parent for each in ROOT.glob("*/__init__.py") if each.parent.name != "tests"):
        if not compileall.compile_dir(package, quiet=2):
            raise RuntimeError(f"cannot write bytecode beside {package}: each process would compile it again")
