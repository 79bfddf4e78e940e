"""What a crash, or anvil itself, leaves of the local chain's state file is put right before it starts."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from headwater.errors import Fatal
from sandbox.services.anvil import keep, restore


def block(number: int, timestamp: int) -> dict[str, object]:
    return {"header": {"number": hex(number), "timestamp": hex(timestamp)}, "transactions": []}


def state(*blocks: dict[str, object]) -> bytes:
    return orjson.dumps({"block": {"number": "0x2"}, "blocks": list(blocks)})


def test_only_the_oldest_first_block_stays(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(state(block(0, 300), block(1, 101), block(0, 100), block(2, 102), block(0, 200)))
    restore(path)
    assert orjson.loads(path.read_bytes())["blocks"] == [block(1, 101), block(0, 100), block(2, 102)]


def test_a_good_file_is_left_alone_and_a_missing_one_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    restore(path)
    keep(path)
    content = state(block(0, 100), block(1, 101)) + b"\n"
    path.write_bytes(content)
    restore(path)
    assert path.read_bytes() == content


def test_a_torn_file_is_replaced_by_the_kept_copy(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    whole = state(block(0, 100), block(1, 101))
    path.write_bytes(whole)
    keep(path)
    path.write_bytes(whole[:-20])
    keep(path)  # a torn file does not overwrite the copy
    restore(path)
    assert path.read_bytes() == whole


def test_a_torn_file_without_a_copy_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"{")
    with pytest.raises(Fatal, match="is damaged and there is no whole copy"):
        restore(path)
