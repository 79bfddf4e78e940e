"""`headwater version`: what this installation is, for reports and for scripts."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import Final

import orjson
import typer

from headwater import __version__
from schemas import streams
from topics.catalog import TOPICS

app = typer.Typer(rich_markup_mode=None)
_BASE: Final = re.compile(r"^([A-Za-z0-9._-]+)(?!.*\bextra ==)")


@app.command()
def version(json: bool = typer.Option(False, "--json", help="One JSON object.")) -> None:
    """Show the version of Headwater, of Python and of the packages that its processes run on."""
    facts = described()
    if json:
        print(orjson.dumps(facts).decode())
        return
    print(f"headwater {__version__}, Python {facts['python']}, {facts['platform']}")
    print(f"{facts['schemas']} schemas, {facts['topics']} topics")
    print("\n".join(f"{name} {number}" for name, number in packages().items()))


def described() -> dict[str, object]:
    """Everything that `--json` prints."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()}-{platform.machine()}",
        "packages": packages(),
        "schemas": len(streams()),
        "topics": len(TOPICS),
    }


def packages() -> dict[str, str]:
    """The packages of the base install, as declared, and the version of each that is here."""
    names = (found[1] for each in metadata.requires("headwater") or () if (found := _BASE.match(each)))
    return {name: metadata.version(name) for name in sorted(names)}
