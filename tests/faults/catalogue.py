"""The faults, each with the alert that it must raise. One entry is one fault: add yours here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.faults.alerts import Each, Expected
from tests.faults.blows import (
    Answering,
    Applied,
    Beside,
    Blow,
    CutOff,
    Deployed,
    Filled,
    Halted,
    Killed,
    Paused,
    Restarted,
    Spoiled,
    Together,
)
from topics.groups import NAMES

MINUTES: Final = 20.0
"""Usual patience."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens, and the alert of it.

    `fire`: within how many minutes, without time lapse, the alert must come; `clear`: within how many all
    must be silent once the fault is mended.
    """

    name: str
    blow: Blow
    alert: Expected | Each
    fire: float = MINUTES
    clear: float = MINUTES


def gone(role: str) -> Expected:
    """No process of a role is seen."""
    return Expected("HeadwaterRoleGone", {"role": role})


def paused(*roles: str) -> Fault:
    """Each of several roles stands still: of each it is told."""
    return Fault(
        f"{', '.join(roles)} paused", Together(tuple(map(Paused, roles))), Each(tuple(map(gone, roles)))
    )


STALLED: Final = Expected("HeadwaterHeadStalled")
FAULTS: Final[tuple[Fault, ...]] = (
    Fault("listen paused", Paused("listen"), Expected("HeadwaterListenerGone")),
    Fault("listen killed at each start", Killed("listen"), Expected("HeadwaterListenerGone")),
    paused(*NAMES[:3]),
    paused(*NAMES[3:], "deliver"),
    Fault("sink killed at each start", Killed("sink"), gone("sink")),
    Fault(
        "state killed some seconds after each start",
        Killed("state", seconds=8),
        Expected("HeadwaterRestarting", {"role": "state"}),
        clear=40,
    ),
    Fault(
        "a second listener beside the stack's",
        Beside(("listen",)),
        Expected("HeadwaterTwoListeners"),
        clear=40,
    ),
    Fault("all nodes cut off", CutOff(), STALLED),
    Fault("one node cut off", CutOff((0,)), Expected("HeadwaterNodeFailing")),
    Fault("no node has a new block", Halted(), STALLED),
    Fault(
        "one node stands still",
        Spoiled({"kind": "frozen_head"}, (2,)),
        Expected("HeadwaterNodeBehind", {"reason": "behind"}),
    ),
    Fault(
        "all nodes are behind the chain",
        Spoiled({"kind": "stale_head", "blocks": 15}),
        Expected("HeadwaterBlocksLate"),
        fire=40,
    ),
    Fault(
        "one node lies about receipts",
        Spoiled({"kind": "wrong_receipts"}, in_use=True),
        Expected("HeadwaterNodeCordoned", {"evidence": "receipts_root"}),
    ),
    Fault("all nodes lie about logs", Spoiled({"kind": "missing_logs"}), Expected("HeadwaterBlocksRejected")),
    Fault(
        "no node knows what is final",
        Spoiled({"kind": "tag_error", "null": True}),
        Expected("HeadwaterFinalityStalled"),
        fire=100,
    ),
    Fault("Kafka paused", Paused("kafka"), STALLED),
    Fault("Kafka killed at each start", Killed("kafka"), STALLED),
    Fault("ClickHouse killed at each start", Killed("clickhouse"), Expected("HeadwaterSinkPaused")),
    Fault("ClickHouse paused", Paused("clickhouse"), Expected("HeadwaterBlocksNotVisible")),
    Fault(
        "ClickHouse paused for longer",
        Paused("clickhouse"),
        Expected("HeadwaterGroupLate", {"group": "local.sink"}),
        fire=40,
    ),
    Fault("disk of ClickHouse full", Filled(), Expected("HeadwaterSinkPaused")),
    Fault(
        "registry away, and a stage starts",
        Together((Killed("registry"), Restarted("normalize"))),
        Expected("HeadwaterNotReady", {"role": "normalize"}),
    ),
    Fault("receiver killed at each start", Killed("receiver"), Expected("HeadwaterDeliveryFailing"), fire=40),
    Fault("receiver refuses what it gets", Answering(422), Expected("HeadwaterDeliveriesDead"), clear=40),
    Fault("receiver throttles", Answering(429), Expected("HeadwaterDeliveryLate"), fire=60, clear=40),
    Fault(
        "a rule for a channel that nobody has applied",
        Applied("unknown-channel"),
        Expected("HeadwaterChannelUnknown", {"channel": "nobody"}),
        clear=40,
    ),
    Fault("receiver paused", Paused("receiver"), Expected("HeadwaterDeliveryFailing"), fire=40),
    Fault(
        "a stage refuses a block after a deploy",
        Deployed({"HEADWATER_STAGES__REFUSE_BLOCKS": "enrich:{head}"}),
        Expected("HeadwaterDeadLetters", {"stage": "enrich"}),
        fire=40,
    ),
    Fault(
        "fewer nodes than the quorum answer",
        Together((Deployed({"HEADWATER_CHAIN__QUORUM": "2"}), CutOff((0, 1)))),
        Expected("HeadwaterNodesDisagree"),
        fire=40,
    ),
)
