"""anvil, the local chain: one block per second, its state on disk each second."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import orjson

from connectors.evm.rpc import chain_id
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal
from sandbox.services.probes import QUICK_SECONDS
from sandbox.supervisor.process import Command

CHAIN_ID = 31337
KEPT = "state.kept.json"
BLOCK_SECONDS = 1
# The state file holds every kept block (14 KB at five transactions a second) and is written each second:
# four hours' worth bound both file and memory. Older blocks lose their transactions.
KEPT_BLOCKS = 14_400
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
            *("--transaction-block-keeper", str(KEPT_BLOCKS)),
            "--quiet",
        ),
        log=log,
        cwd=directory,
        # Its own caches stay with its data instead of the home directory.
        env={"XDG_CACHE_HOME": str(directory / "cache")},
    )


def is_ready(port: int) -> bool:
    """Does it answer as the local chain?"""
    try:
        return chain_id.ask(f"http://127.0.0.1:{port}", seconds=QUICK_SECONDS) == CHAIN_ID
    except NodeFailure:
        return False


def keep(state: Path) -> None:
    """Copy a whole state file aside, so that a later torn one costs a few blocks and not the chain."""
    if not state.exists():
        return
    copy = state.with_name("state.copy")
    shutil.copyfile(state, copy)
    if _ends_whole(copy):
        copy.replace(state.with_name(KEPT))


def restore(state: Path) -> None:
    """Make the state file one that anvil loads rightly: whole, and with the chain's own first block only.

    Raises Fatal when neither the file nor its kept copy is whole.
    """
    if not state.exists():
        return
    content = _load(state)
    if content is None:
        kept = state.with_name(KEPT)
        content = _load(kept) if kept.exists() else None
        if content is None:
            raise Fatal(
                f"the local chain's state in {state} is damaged and there is no whole copy of it",
                remedy="start with an empty directory (--data-dir)",
            )
        _write(state, content)
    if drop_later_genesis(content):
        _write(state, content)


def drop_later_genesis(content: dict[str, Any]) -> bool:
    """Remove all first blocks but the oldest from a state; True when there were others.

    anvil makes a new first block at each start and writes it beside the one that it loads; the next start
    then takes either as block 0, and the chain seems to be another one.
    """
    blocks = content.get("blocks") or []
    first = [block for block in blocks if int(block["header"]["number"], 16) == 0]
    if len(first) < 2:
        return False
    oldest = min(first, key=lambda block: int(block["header"]["timestamp"], 16))
    content["blocks"] = [block for block in blocks if block is oldest or block not in first]
    return True


def _load(path: Path) -> dict[str, Any] | None:
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return None  # a process killed while writing leaves the beginning of the file
    return content if isinstance(content, dict) else None


def _write(path: Path, content: dict[str, Any]) -> None:
    staging = path.with_name("state.staging")
    staging.write_bytes(orjson.dumps(content))
    staging.replace(path)


def _ends_whole(path: Path) -> bool:
    if path.stat().st_size < 2:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"}"
