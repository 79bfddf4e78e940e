"""One fault after the other on one running stack."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from headwater.errors import HeadwaterError
from tests.faults.alertmanager import Alertmanager
from tests.faults.blows import Filled
from tests.faults.catalogue import Fault
from tests.faults.course import Look, Patience, Seen, follow
from tests.faults.nodes import Nodes
from tests.faults.report import Row, as_json, line, table
from tests.faults.site import BLOCK_SECONDS, Site

SLACK_SECONDS: Final = 90.0
"""What restarts, sessions of Kafka and pauses between two tries take, which no time lapse shortens."""
SILENT_SECONDS: Final = 4.0
NO_DISK: Final = "no small disk is to be had here (unshare --mount)"


def run(faults: Sequence[Fault], factor: float, folder: Path, json: Path | None, *, small_disk: bool) -> int:
    """All of them; prints the table, writes the JSON. The exit code."""
    began = time.monotonic()
    rows: list[Row] = []
    with Nodes(BLOCK_SECONDS / factor) as nodes:
        site = Site(folder, nodes, factor)
        try:
            site.start()
            print(f"the stack runs after {time.monotonic() - began:.0f} s; time lapse {factor:g}", flush=True)
            look = Alertmanager(lambda: site.alertmanager).look
            for fault in faults:
                untried = NO_DISK if isinstance(fault.blow, Filled) and not small_disk else ""
                seen = None if untried else _seen(fault, site, look, factor)
                rows.append(Row(fault.name, str(fault.alert), seen, untried))
                print(line(rows[-1], time.monotonic() - began), flush=True)
        except (HeadwaterError, AssertionError) as error:
            # The stack went down, or a part that a fault needs: what was seen before is told.
            print(f"make faults: {error}\nlogs are in {folder / 'logs'}", flush=True)
        finally:
            # An interrupted run has seen something too.
            seconds = time.monotonic() - began
            print(table(rows, factor, seconds), flush=True)
            if json is not None:
                json.write_text(as_json(rows, factor, seconds) + "\n")
            site.end()
    return 0 if len(rows) == len(faults) and all(row.passed for row in rows) else 1


def _seen(fault: Fault, site: Site, look: Look, factor: float) -> Seen:
    happening = ExitStack()
    return follow(
        fault.alert,
        look,
        lambda: happening.enter_context(fault.blow.on(site)),
        happening.close,
        Patience(
            fire=60 * fault.fire / factor + SLACK_SECONDS,
            clear=60 * fault.clear / factor + SLACK_SECONDS,
            silent=SILENT_SECONDS,
        ),
    )
