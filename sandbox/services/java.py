"""How a service runs on Java: the program, and the options that make it start quickly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime, with options in front of the service's own."""

    home: Path
    options: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The java program."""
        return str(self.home / "bin" / "java")
