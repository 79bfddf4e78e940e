"""Something that happens, and several of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from tests.faults.site import Site


class Blow(Protocol):
    """Something that happens to a site for as long as the context lasts."""

    def on(self, site: Site) -> AbstractContextManager[object]: ...


@dataclass(frozen=True, slots=True)
class Together:
    """One after the other, and undone in reverse."""

    blows: tuple[Blow, ...]

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        with ExitStack() as stack:
            for blow in self.blows:
                stack.enter_context(blow.on(site))
            yield
