"""What nodes do wrong, and a chain that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.nodes import COUNT
from tests.faults.site import Site

EVERY: Final = tuple(range(COUNT))
"""All nodes."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """Nodes refuse connections."""

    nodes: tuple[int, ...] = EVERY

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.nodes.cut_off(self.nodes)
        try:
            yield
        finally:
            site.nodes.serve(self.nodes)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Nodes do what a rule of docs/recorded-node.md says; `hurries`: so many blocks come at once then.

    `in_use`: only the one whose blocks are taken at that moment; another one might never be asked.
    """

    rule: Mapping[str, Any]
    nodes: tuple[int, ...] = EVERY
    hurries: int = 0
    in_use: bool = False

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        nodes = (site.nodes.in_use(),) if self.in_use else self.nodes
        site.nodes.spoil(nodes, [self.rule])
        site.nodes.hurry(self.hurries)
        try:
            yield
        finally:
            site.nodes.spoil(nodes, [])


@dataclass(frozen=True, slots=True)
class Halted:
    """No node has a new block."""

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.nodes.halt()
        try:
            yield
        finally:
            site.nodes.go_on()
