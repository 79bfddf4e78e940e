"""`headwater tokens`: what tokens are called and how many decimals they have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from connectors.tokens import text, topic
from connectors.tokens.description import Token
from headwater.cli.applying import outcome, replacement, text_of
from headwater.cli.configuration import configured
from headwater.cli.migrate import chain_id_for
from headwater.errors import Fatal
from headwater.evm.addresses import address

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Addresses, 0x and 40 hex digits.")]


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="YAML: one token, or a list of them.")],
    data_dir: DataDir = None,
) -> None:
    """Make the tokens of a chain what a file says: those that are not in the file are taken out."""
    settings = configured({"data_dir": data_dir})
    chain_id = chain_id_for(settings)
    wanted = text.read(text_of(file), str(file), chain_id)
    changes = topic.revise(settings, chain_id, lambda standing: replacement(standing, wanted))
    print(outcome("tokens", wanted, changes))


@app.command()
def remove(addresses: Addresses, data_dir: DataDir = None) -> None:
    """Take tokens out: their amounts are shown in units no more."""
    settings = configured({"data_dir": data_dir})
    unwanted = [address(each, "remove") for each in addresses]

    def without(standing: Mapping[str, Token]) -> Mapping[str, Token | None]:
        unknown = [own for own in unwanted if own not in standing]
        if unknown:
            raise Fatal(f"{', '.join(unknown)} is not described", remedy="see `headwater tokens show`")
        return dict.fromkeys(unwanted)

    topic.revise(settings, chain_id_for(settings), without)


@app.command()
def show(data_dir: DataDir = None) -> None:
    """Show the tokens, in the form that `apply` reads."""
    settings = configured({"data_dir": data_dir})
    tokens = topic.current(settings)
    print(text.written((tokens[own] for own in sorted(tokens)), chain_id_for(settings)), end="")
