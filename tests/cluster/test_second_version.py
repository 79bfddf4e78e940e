"""The version that an upgrade goes to has a new field, as CONTRIBUTING.md has it added, and is sound."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import Fatal
from schemas.catalog import version_of
from tests.cluster import second_version
from tests.cluster.images import context
from tests.fresh import checkout

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
# What a process of that version says of its block's header, ledger, tables and schemas.
ASKED = f"""
import json
from connectors.clickhouse.migrations.runner import load
from connectors.clickhouse.migrations.template import Target, render
from connectors.delivery.queue.delivery import Delivery
from schemas import codec_for, codec_for_record
from schemas.catalog import version_of
from streams.logic.enrich import public
import streams.logic.normalize.records as records
print(json.dumps({{
    "file": records.__file__,
    "header": public._HEADER[-1],
    "body": codec_for_record("enriched-blocks", "BlockBody").names[-1],
    "ledger": Delivery.__slots__[-1],
    "versions": [version_of(each) for each in {second_version.STREAMS!r}],
    "last": load("ethereum")[-1].version,
    "columns": [each for each in render(load("ethereum")[-1].sql, Target("headwater"))],
}}))
"""


@needs_git
def test_the_copy_is_the_next_version(tmp_path: Path) -> None:
    checkout.copy(context(), tmp_path)
    second_version.amend(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ASKED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["file"].startswith(str(tmp_path))
    assert {told["header"], told["body"], told["ledger"]} == {second_version.FIELD}
    assert told["versions"] == [version_of(each) + 1 for each in second_version.STREAMS]
    assert told["last"] == 9999
    assert told["columns"] == [
        f"ALTER TABLE headwater.{table}  ADD COLUMN IF NOT EXISTS trial Nullable(String)"
        for table in second_version.TABLES
    ]


def test_code_that_has_changed_is_named(tmp_path: Path) -> None:
    name = next(iter(second_version.EDITS))
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("")
    with pytest.raises(Fatal, match=f"{name} has .* 0 times; mend EDITS"):
        second_version.amend(tmp_path)
