"""What is fetched: a block that is as it should be."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.evm.events import Content, Head


@dataclass(frozen=True, slots=True)
class Fetched:
    """A block that passed its checks; only its link to the parent is not checked yet."""

    head: Head
    content: Content
