"""The whole line on the looped blocks: recorded node → rows visible, and what it costs in CPU.

Run alone with `python -m bench.endtoend [--loops N]`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench import blocks, listening
from bench.compiled import compile_packages
from bench.peers import cost
from bench.peers.environment import CannotInstallError
from bench.processes import cpu_seconds, listener
from bench.report import Row, publish
from sandbox.stack.roles import ROLES
from topics.groups import DELIVER, SINK

HEADWATER = str(Path(sys.executable).parent / "headwater")
OWN = tuple(role.name for role in ROLES)
BESIDE = ("aggregate", "alert", DELIVER)
LINE = tuple(name for name in OWN if name not in BESIDE)
"""What carries a block to its rows. The sink stores the rows of the others too: it is judged by the row."""
# What one and the same process takes, from run to run here.
NOISE = 1.15


@dataclass(frozen=True)
class Run:
    """Seconds from the first APPLY to the last block visible, and CPU seconds, start-up included."""

    seconds: float
    cpu: dict[str, float]
    """By role."""
    served: dict[str, float]
    """Of Kafka and ClickHouse."""
    stored: float
    """Rows that ClickHouse has acknowledged to the sink."""


def rows(loops: int = 100, etl_loops: int = 3) -> list[Row]:
    """End to end records per second, and CPU per record of Headwater and of two peers on the same node."""
    folder = blocks.folder()
    if folder is None:
        return [Row("end to end", None, "records/s", note="no real-chain data")]
    compile_packages()
    last = blocks.FIRST + blocks.COUNT * loops - 1
    records = blocks.RECORDS * loops
    with _node(folder, loops) as rpc:
        whole = _pipeline(rpc, last)
        line = _pipeline(rpc, last, without=BESIDE)
        # A peer has the machine for itself and the node, and so has the listener here.
        alone = listening.seconds(rpc, blocks.FIRST, last) / records * 1e6
        # The whole job once, from an empty start: how a peer is run. What a longer run costs stands below it.
        once = blocks.FIRST + blocks.COUNT - 1
        peers = {
            "cryo": _peer(lambda: cost.cryo(rpc, blocks.FIRST, once), blocks.RECORDS),
            "ethereum-etl": _peer(lambda: cost.ethereum_etl(rpc, blocks.FIRST, once), blocks.RECORDS),
        }
        longer = {
            "cryo": _peer(lambda: cost.cryo(rpc, blocks.FIRST, last), records),
            "ethereum-etl": _peer(
                lambda: cost.ethereum_etl(rpc, blocks.FIRST, once + blocks.COUNT * (etl_loops - 1)),
                blocks.RECORDS * etl_loops,
            ),
        }
    rate = records / whole.seconds
    each = {role: whole.cpu[role] / records * 1e6 for role in OWN}
    own = sum(each.values())
    shares = ", ".join(f"{role} {value:.1f}" for role, value in each.items())
    result = [
        Row(
            "end to end",
            rate,
            "records/s",
            target="≥ 15,000",
            met=rate >= 15_000,
            note=f"{records:,} records",
        ),
    ]
    for peer, limit in (("cryo", 0.5), ("ethereum-etl", 0.05)):
        result.append(_against("listener CPU", each["listen"], peer, peers[peer], limit))
        result.append(_against("listener CPU, alone as the peers are", alone, peer, peers[peer], limit))
    for peer, limit in (("cryo", 2.0), ("ethereum-etl", 0.1)):
        result.append(_against("all own processes CPU", own, peer, peers[peer], limit, shares))
    for peer, measured in longer.items():
        if not isinstance(measured, str):
            result.append(Row(f"{peer} CPU, start-up spread over more loops", measured, "µs/record"))
    result.extend(_beside(whole, line, records))
    for name, seconds in whole.served.items():
        result.append(Row(f"{name} CPU beside them", seconds / records * 1e6, "µs/record"))
    return result


def _beside(whole: Run, line: Run, records: int) -> Iterator[Row]:
    """What each process of the line takes beside the others, and without them."""
    for role in LINE:
        value, apart = whole.cpu[role] / records * 1e6, line.cpu[role] / records * 1e6
        name, unit, note = f"{role} CPU beside {', '.join(BESIDE)}", "record", ""
        if role == SINK:
            yield Row(name, value, "µs/record", "without them", apart)
            value, apart = value * records / whole.stored, apart * records / line.stored
            unit, note = "row", f"{whole.stored:,.0f} rows against {line.stored:,.0f}"
        yield Row(
            name,
            value,
            f"µs/{unit}",
            "without them",
            apart,
            f"≤ {NOISE:.2f} ×",
            value <= NOISE * apart,
            note,
        )


def _against(name: str, value: float, peer: str, measured: float | str, limit: float, note: str = "") -> Row:
    target = f"≤ {limit:.2f} × {peer}"
    if isinstance(measured, str):
        return Row(name, value, "µs/record", peer, target=target, note=f"{peer} skipped: {measured}")
    return Row(name, value, "µs/record", peer, measured, target, value <= limit * measured, note)


def _peer(run: Callable[[], float], records: int) -> float | str:
    try:
        return run() / records * 1e6
    except CannotInstallError as error:
        return str(error)


@contextmanager
def _node(folder: Path, loops: int) -> Iterator[str]:
    command = [HEADWATER, "node", "serve", str(folder), "--port", "0", "--loop", str(loops), "--all-at-once"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _pipeline(rpc: str, last: int, without: Sequence[str] = ()) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            HEADWATER,
            "up",
            "--data-dir",
            folder,
            "--rpc",
            rpc,
            "--start",
            str(blocks.FIRST),
            "--plain",
            *(f"--without={role}" for role in without),
        ]
        with open(Path(folder) / "up.log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        try:
            endpoints = _wait_for(Path(folder) / "endpoints.json", process)
            cpu: dict[str, float] = {}
            # The view is what counts, but asking it again and again would cost as much as a role does.
            for seen in (_covered, _visible):
                while seen(endpoints) < last:
                    if process.poll() is not None:
                        raise RuntimeError(
                            "headwater up stopped: " + (Path(folder) / "up.log").read_text()[-3000:]
                        )
                    time.sleep(0.2)
            end = time.time()
            start = _first_apply(endpoints)
            metrics = json.loads((Path(folder) / "endpoints.json").read_text())["metrics"]
            for role in (name for name in OWN if name not in without):
                cpu[role] = _total(metrics[role], "process_cpu_seconds_total")
            stored = _total(metrics[SINK], "headwater_sink_rows_total")
            served = {
                "Kafka": cpu_seconds(listener(f"kafka://{endpoints['kafka']}")),
                "ClickHouse": cpu_seconds(listener(endpoints["clickhouse"])),
            }
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    return Run(end - start, cpu, served, stored)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_CHAIN")}


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    while not path.exists():
        if process.poll() is not None:
            raise RuntimeError(f"headwater up stopped with {process.returncode}")
        time.sleep(0.2)
    result: dict[str, str] = json.loads(path.read_text())
    return result


def _ask(endpoints: dict[str, str], query: str) -> str:
    login = f"{endpoints['clickhouse_user']}:{endpoints['clickhouse_password']}"
    request = urllib.request.Request(
        f"{endpoints['clickhouse']}/?query={urllib.parse.quote(query)}",
        headers={"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode().strip())


def _visible(endpoints: dict[str, str]) -> int:
    return int(_ask(endpoints, "SELECT max(number) FROM ethereum_etl.blocks") or 0)


def _covered(endpoints: dict[str, str]) -> int:
    try:
        return int(_ask(endpoints, "SELECT max(block_number) FROM headwater.coverage") or 0)
    except OSError:
        return 0  # ClickHouse or its tables are not there yet


def _first_apply(endpoints: dict[str, str]) -> float:
    query = "SELECT toUnixTimestamp64Milli(min(observed_at)) / 1000 FROM headwater.coverage"
    return float(_ask(endpoints, query))


def _total(metrics_url: str, name: str) -> float:
    """The sum of a counter over its labels."""
    with urllib.request.urlopen(metrics_url, timeout=10) as answer:
        text = answer.read().decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    values = [sample.value for sample in samples if sample.name == name]
    if not values:
        raise RuntimeError(f"{metrics_url} gives no {name}")
    return sum(values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=100, help="how often the 23 blocks are looped")
    publish("endtoend", rows(parser.parse_args().loops))
