"""Lock files: what is fetched, to the byte. A line an artifact: SHA-256, size, coordinates, no address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headwater.digits import decimal
from headwater.errors import Fatal

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Locked:
    """An artifact of a Maven repository, pinned. `size` in bytes, `sha256` in hex."""

    sha256: str
    size: int
    group: str
    name: str
    version: str
    classifier: str
    packaging: str

    @property
    def filename(self) -> str:
        """As Maven names it: `name-version[-classifier].packaging`."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{tail}.{self.packaging}"

    @property
    def coordinates(self) -> str:
        """`group:name:version[:classifier]:packaging`, for people."""
        parts = (self.group, self.name, self.version, self.classifier, self.packaging)
        return ":".join(part for part in parts if part)


def parse(text: str, origin: str) -> tuple[Locked, ...]:
    """Read a lock file's text. Raises Fatal naming `origin` and the line that is not understood."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        coordinates = words[2].split(":") if len(words) == 3 else []
        if len(coordinates) != 5 or len(words[0]) != 64 or (size := decimal(words[1])) is None:
            raise Fatal(f"{origin} line {number} is not a locked artifact: {line!r}", remedy="reinstall")
        found.append(Locked(words[0], size, *coordinates))
    return tuple(found)


def render(artifacts: tuple[Locked, ...], title: str) -> str:
    """The lock file's text, sorted so that a change shows as a small diff."""
    lines = [
        f"{a.sha256} {a.size} {a.group}:{a.name}:{a.version}:{a.classifier}:{a.packaging}"
        for a in sorted(artifacts, key=lambda a: a.coordinates)
    ]
    return f"# {title}\n# Written by: python -m sandbox.downloads.relock\n" + "\n".join(lines) + "\n"


def read(name: str) -> tuple[Locked, ...]:
    """The committed lock file `name` (kafka, registry)."""
    path = HERE / f"{name}.lock"
    return parse(path.read_text(), path.name)
