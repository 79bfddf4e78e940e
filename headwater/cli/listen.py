"""`headwater listen`: follow the head of a chain and publish it to Kafka."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path

import typer
import uvloop

from headwater.cli.role import start_role
from headwater.errors import Fatal
from headwater.logging import get_logger
from headwater.memory import keep_freed
from headwater.settings import Settings

app = typer.Typer(rich_markup_mode=None)
_log = get_logger("headwater.listen")


@app.command()
def listen(
    rpc: list[str] = typer.Option([], "--rpc", help="HTTP endpoint of a node; repeat for failover."),
    start: str | None = typer.Option(
        None, "--start", help="First block of an empty topic: latest, earliest or a number."
    ),
    accept_fork: str | None = typer.Option(
        None, "--accept-fork", help="Hash of a block below finality whose chain is to be followed."
    ),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
) -> None:
    """Follow the head of a chain and publish every event of it, in order, to raw-blocks."""
    chain = {"rpc": ",".join(rpc) or None, "start": start}
    keep_freed()
    settings = start_role("listen", {"chain": chain, "data_dir": data_dir})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(settings, _hash(accept_fork)))


async def _until_stopped(settings: Settings, accept_fork: bytes | None) -> None:
    # Imported here so that a wrong setting is told before everything is loaded.
    from connectors.evm.app import listen as follow

    # Modules stay as long as the process: no look for cycles has to go through them.
    gc.freeze()
    task = asyncio.ensure_future(follow(settings, accept_fork=accept_fork))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        _log.info("stopped")
    except Fatal as error:
        _log.error("stopped for good", reason=str(error))
        raise


def _hash(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32:
        raise Fatal(f"--accept-fork {text} is not a block hash", remedy="give the hash that the alarm named")
    return value
