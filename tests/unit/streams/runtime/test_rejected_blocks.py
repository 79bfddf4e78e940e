"""Blocks that a test has a stage reject."""

from __future__ import annotations

import pytest

from headwater.errors import Fatal, Permanent
from headwater.settings import environment, load_settings
from streams.runtime.rejected_blocks import RejectedBlocks
from tests.builders.chain_answers import BLOCK_HASH, block, envelope
from topics.chainlog.kinds import EventKind


@pytest.mark.parametrize("entry", ["enrich:42", f"enrich:{BLOCK_HASH}", f"enrich:0x{BLOCK_HASH[2:].upper()}"])
@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind.carries_block])
def test_every_event_of_a_named_block_is_rejected(entry: str, kind: EventKind) -> None:
    with pytest.raises(Permanent, match=r"block 42 0xb1b1\w+ is refused by stages\.refuse_blocks"):
        RejectedBlocks("enrich", ["state:7", entry]).check(envelope(block([]), kind))


@pytest.mark.parametrize("entry", ["normalize:42", "enrich:43", "enrich:0x" + "00" * 32, "enrich:4"])
def test_other_stages_and_blocks_are_not(entry: str) -> None:
    RejectedBlocks("enrich", [entry]).check(envelope(block([])))


def test_what_carries_no_block_is_not_rejected() -> None:
    RejectedBlocks("enrich", ["enrich:42"]).check(envelope(block([]), EventKind.FINALIZED))


def test_the_setting_reaches_a_child_process() -> None:
    settings = load_settings(environ={"HEADWATER_STAGES__REFUSE_BLOCKS": f"enrich:42, state:{BLOCK_HASH}"})
    assert settings.stages.refuse_blocks == ("enrich:42", f"state:{BLOCK_HASH}")
    assert load_settings(environ=environment(settings)).stages == settings.stages


@pytest.mark.parametrize("entry", ["42", "enrich:", "enrich:0x12", "enrich:-1"])
def test_an_entry_that_names_no_block_is_refused_at_start(entry: str) -> None:
    with pytest.raises(Fatal, match=r"stages\.refuse_blocks"):
        load_settings(environ={"HEADWATER_STAGES__REFUSE_BLOCKS": entry})
