"""`headwater tokens`: what tokens are called and how many decimals they have."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from connectors.evm.rpc import chain_id as chain_ids
from connectors.tokens import text, topic
from connectors.tokens.contract import Node, described
from connectors.tokens.description import Token
from headwater.cli.applying import outcome, replacement, text_of
from headwater.cli.configuration import configured
from headwater.cli.migrate import chain_id_for
from headwater.errors import Fatal, Permanent
from headwater.evm.addresses import address

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
SECONDS: Final = 10.0
Rpc = Annotated[str | None, typer.Option("--rpc", help="A node of the chain (the first of chain.rpc).")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Addresses, 0x and 40 hex digits.")]


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="YAML: one token, or a list of them; - for standard input.")],
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


@app.command()
def fetch(
    addresses: Addresses,
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="A node of the chain (the first of chain.rpc).")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Ask contracts what they are called, and print it in the form that `apply` reads. Changes nothing.

    Whoever deployed a contract chose what it says: look at it before it is applied. Exit code 1 where a
    contract says nothing that can be a token; what the others say is printed all the same.
    """
    settings = configured({"data_dir": data_dir, "chain": {"rpc": None if rpc is None else (rpc,)}})
    wanted = [address(each, "fetch") for each in addresses]
    if not settings.chain.rpc:
        raise Fatal("there is no node to ask", remedy="name one by --rpc or HEADWATER_CHAIN__RPC")
    url, chain_id = settings.chain.rpc[0].get_secret_value(), chain_id_for(settings)
    found = chain_ids.ask(url, seconds=SECONDS)
    if found != chain_id:
        raise Fatal(
            f"the node is of chain {found}, not of {chain_id}", remedy="name a node of the chain by --rpc"
        )
    node, tokens = Node(url), []
    problems: list[Permanent] = []
    for own in dict.fromkeys(wanted):
        try:
            tokens.append(described(node.call, own))
        except Permanent as error:
            problems.append(error)
    if tokens:
        print(text.written(tokens, chain_id), end="")
    for each in problems:
        print(f"headwater: {each}", file=sys.stderr)
    if problems:
        raise typer.Exit(1)
