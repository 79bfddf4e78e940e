"""`python -m sandbox.traffic --rpc URL --rate R --seed N`: traffic as a process of its own."""

import asyncio
import signal
import sys
from typing import Annotated

import typer

from headwater import logging
from headwater.errors import HeadwaterError
from sandbox.traffic.generator import Generator, Traffic
from sandbox.traffic.node import Node


def main(
    rpc: Annotated[str, typer.Option(help="HTTP URL of anvil.")],
    rate: Annotated[float, typer.Option(min=0, help="Transactions a second.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Decides what is chosen.")] = 0,
    reorg_every: Annotated[float, typer.Option(min=0, help="Mean seconds between reorgs; 0: none.")] = 30.0,
    reorg_depth: Annotated[str, typer.Option(metavar="MIN..MAX", help="Depth of reorgs in blocks.")] = "1..3",
    log_format: Annotated[str, typer.Option(help="json, human or auto.")] = "auto",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Make traffic on a local chain until SIGTERM or Ctrl-C."""
    logging.configure("traffic", log_level, log_format)
    traffic = Traffic(rate, seed, reorg_every, _depths(reorg_depth))
    try:
        asyncio.run(_run(rpc, traffic))
    except HeadwaterError as error:
        print(f"traffic: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from error


def _depths(text: str) -> tuple[int, int]:
    low, dots, high = text.partition("..")
    try:
        depths = int(low), int(high if dots else low)
    except ValueError:
        depths = 0, 0
    if not 1 <= depths[0] <= depths[1]:
        raise typer.BadParameter(f"{text!r} is not a range such as 1..3", param_hint="--reorg-depth")
    return depths


async def _run(rpc: str, traffic: Traffic) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with Node(rpc) as node:
        await Generator(node, traffic).run(ended)


if __name__ == "__main__":
    typer.run(main)
