"""Run on a small disk of its own: fills it under a living `headwater up`, makes room, goes on, proves.

`python -m tests.integration.full_disk MOUNT_POINT`
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.faults.disk import Disk
from tests.integration.checks import check_verify
from tests.integration.line import Line


def main(place: Path) -> None:
    disk = Disk(place)
    line = Line(place / "data", "--traffic", "20")
    try:
        line.start()
        line.wait_until(lambda: (line.visible() or (0, ""))[0] >= 3, "three blocks are visible", 60)
        seen = line.visible()
        disk.fill()
        assert line.exit_code(20) == 1, line.log
        assert f"the disk tmpfs on {place}, which holds {place}/data, is full" in line.log, line.log
        assert "start again" in line.log, line.log
        disk.empty()
        line.start()
        assert seen is not None
        # The chain itself may have lost its last block, which could not be written.
        line.wait_until(lambda: (line.visible() or (0, ""))[0] > seen[0], "it goes on", 60)
        line.wait_settled(line.freeze())
        check_verify(line)
        assert line.stop() == 0
    finally:
        line.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
