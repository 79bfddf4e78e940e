"""What is remembered of the chain, and how blocks join it and leave it. Nothing is decided here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from streams.logic.alerts.alert import Alert
from streams.logic.alerts.configuration import Configuration, Former
from streams.logic.alerts.decision import Block, Decision
from streams.logic.alerts.joining import Joining
from streams.logic.alerts.judging import Judging
from streams.logic.alerts.tracks import Tracks
from topics.chainlog.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Tip:
    """The last canonical block; hash and time are None where it was never seen."""

    number: int
    hash: bytes | None
    timestamp: int | None


@dataclass(frozen=True, slots=True)
class Reorg:
    """Blocks that left since the last one joined: how many, and the first of them, which was the tip."""

    depth: int
    number: int
    hash: bytes


class Remembered:
    """`unknown_times`: block times at which something is not known; windows that contain one are incomplete.

    `former`: what stood in the configuration before changes, while a block is remembered that it judged.
    `configured_to`: the offset behind what of the configuration topic was adopted or refused; None where
    that is not known.
    `safe`: the highest number that is safe, of those still here. `final_time`: the block time up to which all
    is final.
    """

    def __init__(self, configuration: Configuration, max_groups: int) -> None:
        self.configuration = configuration
        self.max_groups = max_groups
        self.last: int | None = None
        self.tip: Tip | None = None
        self.safe = -1
        self.final_time = -1
        self.reorg: Reorg | None = None
        self.unknown_times: set[int] = set()
        self.configured_to: int | None = None
        self.former: dict[tuple[int, str], Former] = {}
        self.blocks: dict[bytes, Block] = {}
        self.tracks = Tracks()

    @property
    def time(self) -> int:
        """The block time of the tip. A tip that is not remembered is final: 0 where nothing is."""
        return max(self.final_time, 0 if self.tip is None else self.tip.timestamp or 0, 0)

    def seen(self, sequence: int) -> bool:
        """True for a repeat."""
        return self.last is not None and sequence <= self.last

    def contradicts(self, envelope: Envelope) -> bool:
        """True when SAFE or FINALIZED names a block that is not canonical here."""
        return envelope.block_hash not in self.blocks and any(
            each.number == envelope.block_number for each in self.blocks.values()
        )

    def replaces(self, former: Former, decision: Decision) -> None:
        """Something in the configuration is about to change.

        Of two changes before one event the first replaced what had judged the blocks until then.
        """
        if (former.until, former.key) not in self.former:
            self.former[former.until, former.key] = former
            decision.former[former] = True

    def judged_by(self, own: bytes | None) -> Configuration:
        """What was in force when a remembered block was judged; what is, for any other."""
        block = self.blocks.get(own or b"")
        later = (
            [] if block is None else [each for each in self.former.values() if each.until > block.sequence]
        )
        return self.configuration.before(later) if later else self.configuration

    def judging(self, blocks: Sequence[Block]) -> Judging:
        """The rules on statistics that judged these remembered blocks."""
        edits = sorted(self.former.values(), key=lambda each: each.until)
        return Judging(self.configuration, edits, blocks)

    def join(self, block: Block, refused: Counter[str], *, restored: bool = False) -> dict[bytes, Alert]:
        """The alerts that a block makes by what it gives; what it replaces is kept with it.

        `restored`: which groups have room was decided when it joined first.
        """
        block.undo = {}
        self.tracks.recording(block.undo)
        denied = block.denied if restored else None
        joining = Joining(self.configuration, self.tracks, self.max_groups, self.incomplete, denied)
        made = joining.block(block)
        self.tracks.recorded()
        block.denied = frozenset(joining.denied)
        refused.update(joining.refused)
        return made

    def leave(self, block: Block) -> None:
        """Put back what a block replaced: the last one that joined."""
        self.tracks.undo(block.undo)
        del self.blocks[block.hash]

    def behind(self, block: Block) -> list[Block]:
        """The blocks that joined after it."""
        every = list(self.blocks.values())
        return every[every.index(block) + 1 :]

    def restore(self, block: Block) -> None:
        """A remembered block joins again, after a restart: what it made is known."""
        self.blocks[block.hash] = block
        self.join(block, Counter(), restored=True)

    def incomplete(self, start: int, end: int) -> bool:
        """True when something is not known of the time from `start` to `end`."""
        return any(start <= each < end for each in self.unknown_times) or any(
            not each.known and start <= each.timestamp < end for each in self.blocks.values()
        )
