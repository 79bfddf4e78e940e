"""anvil, the local chain: a block a second, its state on disk each second."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from headwater.local.process import Command
from headwater.local.services.probes import rpc

CHAIN_ID = 31337
BLOCK_SECONDS = 1
SLOTS_IN_AN_EPOCH = 8  # safe is then about head - 8, finalized head - 16


def command(
    program: Path, directory: Path, port: int, log: Path, block_seconds: float = BLOCK_SECONDS
) -> Command:
    """How to run it; `block_seconds` 0: mine only when told to.

    Repairs first what a crash may have left of its state file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    state = directory / "state.json"
    restore(state)
    return Command(
        name="anvil",
        argv=(
            str(program),
            *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)),
            *(("--block-time", f"{block_seconds:g}") if block_seconds else ("--no-mining",)),
            *("--slots-in-an-epoch", str(SLOTS_IN_AN_EPOCH)),
            *("--state", str(state), "--state-interval", "1"),
            "--quiet",
        ),
        log=log,
        cwd=directory,
        # Its own caches stay with its data instead of the home directory.
        env={"XDG_CACHE_HOME": str(directory / "cache")},
    )


def is_ready(port: int) -> bool:
    """Does it answer as the local chain?"""
    return rpc(port, "eth_chainId") == hex(CHAIN_ID)


def is_whole(state: Path) -> bool:
    """Is the state file a complete JSON object? A process killed while writing leaves its beginning."""
    size = state.stat().st_size
    if size < 2:
        return False
    with state.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"}"


def keep(state: Path) -> None:
    """Copy a whole state file aside, so that a later torn one costs a few blocks and not the chain."""
    if not state.exists():
        return
    copy = state.with_name("state.copy")
    shutil.copyfile(state, copy)
    if is_whole(copy):
        copy.replace(state.with_name("state.kept.json"))


def restore(state: Path) -> None:
    """Put the kept copy in the place of a torn state file."""
    kept = state.with_name("state.kept.json")
    if state.exists() and not is_whole(state):
        if kept.exists():
            shutil.copyfile(kept, state)
        else:
            state.unlink()
