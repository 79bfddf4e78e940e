"""An error of the local ClickHouse whose text Python cannot read keeps its code, on every Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

# A process of its own: the engine takes one path a process. Python 3.11.2 raises such an error without text.
_ASKED = """
import sys
from pathlib import Path
from chdb import ChdbError
from chdb.state.sqlitelike import Connection
from sandbox.chdb.engine import Engine
from sandbox.chdb.failures import Failure
from sandbox.chdb.request import read

ask = Connection.query

def as_in_3_11_2(*arguments, **named):
    try:
        return ask(*arguments, **named)
    except UnicodeDecodeError:
        raise ChdbError() from None

Connection.query = as_in_3_11_2
engine = Engine(Path(sys.argv[1]))
for statement in (b"SELECT throwIf(toString(number) != unhex('ff')) FROM numbers(2)", b"SELECT nothing"):
    try:
        engine.run(read("/", lambda name, default=None: default, statement, readonly=False).request)
    except Failure as failure:
        print(failure.code, "throwIf" in failure.text)
"""


def test_its_code_and_text_are_those_that_the_engine_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ASKED, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["395", "True", "47", "False"]
