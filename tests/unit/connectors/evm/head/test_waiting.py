"""What readiness says of a tag that is waited for."""

from __future__ import annotations

from connectors.evm.head.waiting import PATIENCE_SECONDS, Waiting
from headwater.health import HEALTH


def test_a_tag_that_is_waited_for_is_told_of_and_fails_readiness_when_it_lasts() -> None:
    now = 0.0
    waiting = Waiting(lambda: now)

    def reported() -> tuple[bool, str]:
        check = HEALTH.checks()["finality"]
        return check.ok, check.detail

    waiting.waits("finalized", "no node has it")
    waiting.waits("safe", "")
    assert reported() == (True, "waiting: finalized: no node has it")
    now = PATIENCE_SECONDS - 1
    waiting.waits("finalized", "it errs")
    assert reported() == (True, "waiting: finalized: it errs")
    now = PATIENCE_SECONDS
    waiting.waits("safe", "")
    assert waiting.lasts
    assert not reported()[0]
    waiting.waits("finalized", "")
    assert reported() == (True, "")
    waiting.waits("safe", "of another branch", contradicted=True)
    assert reported() == (False, "waiting: safe: of another branch")
    waiting.waits("safe", "it errs")
    assert reported()[0]
    waiting.waits("safe", "")
    assert reported() == (True, "")
