"""CPU of a peer that does the whole job once: user and system seconds of the process and its children."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.peers.environment import environment

# cryo names its files by range and asks for whole chunks; one call a dataset is its own way of working.
_CRYO = (
    "import cryo, sys\n"
    "cryo.freeze(['blocks', 'transactions', 'logs'], blocks=[sys.argv[2]], rpc=sys.argv[1],"
    " output_dir=sys.argv[3], no_report=True, verbose=False)\n"
)


def cryo(rpc: str, first: int, last: int) -> float:
    """CPU seconds of cryo.freeze of blocks, transactions and logs to Parquet."""
    python = environment("cryo", "3.11") / "python"

    def job(folder: Path) -> None:
        _check([str(python), "-c", _CRYO, rpc, f"{first}:{last + 1}", str(folder)])
        for kind in ("blocks", "transactions", "logs"):
            if not any(folder.glob(f"*{kind}*.parquet")):
                raise RuntimeError(f"cryo wrote no {kind}: its cost would be of a job not done")

    return _children(job)


def ethereum_etl(rpc: str, first: int, last: int) -> float:
    """CPU seconds of ethereum-etl's export of blocks, transactions, receipts, logs and token transfers."""
    program = str(environment("ethereum-etl", "3.10") / "ethereumetl")

    def job(folder: Path) -> None:
        blocks, transactions = folder / "blocks.csv", folder / "transactions.csv"
        hashes, receipts, logs = folder / "hashes.txt", folder / "receipts.csv", folder / "logs.csv"
        span = ["-s", str(first), "-e", str(last), "-p", rpc]
        outputs = ["--blocks-output", str(blocks), "--transactions-output", str(transactions)]
        _check([program, "export_blocks_and_transactions", *span, *outputs])
        _check([program, "extract_csv_column", "-i", str(transactions), "-c", "hash", "-o", str(hashes)])
        outputs = ["--receipts-output", str(receipts), "--logs-output", str(logs)]
        _check([program, "export_receipts_and_logs", "-t", str(hashes), "-p", rpc, *outputs])
        _check([program, "extract_token_transfers", "-l", str(logs), "-o", str(folder / "transfers.csv")])

    return _children(job)


def _children(job: Callable[[Path], None]) -> float:
    before = os.times()
    with tempfile.TemporaryDirectory() as folder:
        job(Path(folder))
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def _check(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} failed ({done.returncode}): {done.stderr[-2000:]}")
