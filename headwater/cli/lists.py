"""`headwater lists`: lists of addresses, which rules name as `lists.<name>`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.alerting import files, topic
from headwater.cli.applying import outcome, replacement, text_of
from headwater.cli.configuration import configured
from headwater.errors import Fatal
from headwater.evm.addresses import address
from headwater.settings import Settings
from streams.logic.alerts.configuration import LIST

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
Name = Annotated[str, typer.Argument(help="Name of a list.")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Addresses, 0x and 40 hex digits.")]


@app.command()
def apply(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            help="One address a line, a remark behind it; # begins a comment; - for standard input."
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Make a list what a file says: addresses that are not in the file are taken out."""
    settings, prefix = configured({"data_dir": data_dir}), _prefix(name)
    wanted = files.addresses(text_of(file), str(file))
    changes = replacement(_members(settings, prefix), wanted)
    topic.write(settings, {f"{prefix}{own}": each for own, each in changes.items()})
    print(f"{name}: {outcome('addresses', wanted, changes)}")


@app.command()
def add(name: Name, addresses: Addresses, data_dir: DataDir = None) -> None:
    """Put addresses into a list, which is made with its first one."""
    settings, prefix = configured({"data_dir": data_dir}), _prefix(name)
    wanted = {address(each, "add"): "" for each in addresses}
    known = _members(settings, prefix)
    topic.write(settings, {f"{prefix}{own}": "" for own in wanted if own not in known})


@app.command()
def remove(name: Name, addresses: Addresses, data_dir: DataDir = None) -> None:
    """Take addresses out of a list."""
    settings, prefix = configured({"data_dir": data_dir}), _prefix(name)
    known = _members(settings, prefix)
    unwanted = [address(each, "remove") for each in addresses]
    unknown = [own for own in unwanted if own not in known]
    if unknown:
        raise Fatal(
            f"{', '.join(unknown)} is not in list {name}", remedy=f"see `headwater lists show {name}`"
        )
    topic.write(settings, {f"{prefix}{own}": None for own in unwanted})


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="Name of a list; all of them without.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Show the addresses of a list, as `apply` reads them; without a name, the lists and their sizes."""
    settings = configured({"data_dir": data_dir})
    if name is None:
        sizes = Counter(key.split(":")[1] for key in topic.current(settings, LIST))
        for own, size in sorted(sizes.items()):
            print(f"{own}  {size}")
        return
    for own, remark in sorted(_members(settings, _prefix(name)).items()):
        print(f"{own} {remark}".rstrip())


def _prefix(name: str) -> str:
    return f"{LIST}{files.list_name(name)}:"


def _members(settings: Settings, prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): each.value for key, each in topic.current(settings, prefix).items()}
