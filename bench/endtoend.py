"""The whole line on the looped blocks: recorded node → rows visible, and what it costs in CPU.

Run alone with `python -m bench.endtoend [--loops N]`.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import blocks, listening
from bench.compiled import compile_packages
from bench.peers import cost
from bench.peers.environment import CannotInstallError
from bench.processes import cpu_seconds, listener
from bench.report import Row, publish
from bench.stack import HEADWATER, Stack, stack
from bench.windows import Samples
from sandbox.stack.roles import ROLES
from topics.groups import DELIVER, SINK

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
    windows: Sequence[Row]
    """Its processes late against early."""


def rows(loops: int = 60, longer_loops: int = 100, etl_loops: int = 3) -> list[Row]:
    """End to end records per second, and CPU per record of Headwater and of two peers on the same node.

    The line has the blocks `loops` times, the listener alone and cryo `longer_loops` times: start-up weighs
    little there.
    """
    folder = blocks.folder()
    if folder is None:
        return [Row("end to end", None, "records/s", note="no real-chain data")]
    compile_packages()
    records, longer_records = blocks.RECORDS * loops, blocks.RECORDS * longer_loops
    with _node(folder, loops) as rpc:
        last = _last(loops)
        whole = _pipeline(rpc, last, records)
        line = _pipeline(rpc, last, records, without=BESIDE)
    with _node(folder, longer_loops) as rpc:
        last = _last(longer_loops)
        # A peer has the machine for itself and the node, and so has the listener here.
        alone = listening.seconds(rpc, blocks.FIRST, last) / longer_records * 1e6
        # The whole job once, from an empty start: how a peer is run. What a longer run costs stands below it.
        once = _last(1)
        peers = {
            "cryo": _peer(lambda: cost.cryo(rpc, blocks.FIRST, once), blocks.RECORDS),
            "ethereum-etl": _peer(lambda: cost.ethereum_etl(rpc, blocks.FIRST, once), blocks.RECORDS),
        }
        longer = {
            "cryo": _peer(lambda: cost.cryo(rpc, blocks.FIRST, last), longer_records),
            "ethereum-etl": _peer(
                lambda: cost.ethereum_etl(rpc, blocks.FIRST, _last(etl_loops)), blocks.RECORDS * etl_loops
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
    result.extend(whole.windows)
    result.extend(_beside(whole, line, records))
    for name, seconds in whole.served.items():
        result.append(Row(f"{name} CPU beside them", seconds / records * 1e6, "µs/record"))
    return result


def _last(loops: int) -> int:
    return blocks.FIRST + blocks.COUNT * loops - 1


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


def _pipeline(rpc: str, last: int, records: int, without: Sequence[str] = ()) -> Run:
    roles = [role for role in OWN if role not in without]
    samples = Samples(roles)
    with stack(rpc, blocks.FIRST, *(f"--without={role}" for role in without)) as line:
        # The view is what counts, but asking it again and again would cost as much as a role does.
        for seen in (Stack.covered, _visible):
            while seen(line) < last:
                line.check()
                samples.look(line)
                time.sleep(0.2)
        end = time.time()
        cpu = {role: line.totals(role)["process_cpu_seconds_total"] for role in roles}
        stored = line.totals(SINK)["headwater_sink_rows_total"]
        served = {
            "Kafka": cpu_seconds(listener(f"kafka://{line.endpoints['kafka']}")),
            "ClickHouse": cpu_seconds(listener(line.endpoints["clickhouse"])),
        }
        return Run(end - _first_apply(line), cpu, served, stored, [*samples.rows(records)])


def _visible(line: Stack) -> int:
    return int(line.ask("SELECT max(number) FROM ethereum_etl.blocks") or 0)


def _first_apply(line: Stack) -> float:
    query = "SELECT toUnixTimestamp64Milli(min(observed_at)) / 1000 FROM headwater.coverage"
    return float(line.ask(query))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=60, help="how often the line has the 23 blocks")
    publish("endtoend", rows(parser.parse_args().loops))
