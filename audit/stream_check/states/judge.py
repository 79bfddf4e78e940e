"""The messages of one sequence against the facts: an event's of a block, or those of a tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from audit.stream_check.algebra.branch import BranchKind
from audit.stream_check.algebra.finding import Finding
from audit.stream_check.states.absences import Absence
from audit.stream_check.states.facts import Lives
from audit.stream_check.states.life import Facts, HeldBlock, Life
from audit.stream_check.states.record import RANKS, REORGED, StateRecord, of_states

_GONE: Final = RANKS[REORGED]


def _fits(state: str, expected: str, facts: Facts) -> bool:
    """Whether a state is the one expected.

    What a repair publishes again may be further: a tag that covered blocks without transactions is silent.
    """
    further = facts.kind is BranchKind.REPAIR and RANKS[expected] < RANKS.get(state, 0) < _GONE
    return state == expected or further


class StateJudge:
    """`absent` is called with what lacks, of which transactions, and the broker's time of their event."""

    def __init__(
        self,
        lives: Lives,
        report: Callable[[Finding], object],
        absent: Callable[[Absence, frozenset[bytes], int], object],
        *,
        nothing_before: bool,
        compacted_before_ms: float,
    ) -> None:
        self._lives = lives
        self._report = report
        self._absent = absent
        self._nothing_before = nothing_before
        self._compacted_before_ms = compacted_before_ms

    def event(self, facts: Facts, records: Sequence[StateRecord]) -> None:
        """An event of a block, with the messages of its sequence."""
        expected = self._lives.take(facts)
        mine: dict[bytes, StateRecord] = {}
        for each in records:
            mine[each.transaction] = each
            life = self._lives.lives.get(each.transaction)
            if facts.judged:
                self._judge(each, life, expected.states, facts, sure=expected.sure)
            self._take(each, life)
            self._raise(facts, each)
        if facts.judged and expected.sure and expected.required:
            self._missing(facts, expected.states, mine)

    def tag(self, records: Sequence[StateRecord], time_ms: int, *, judged: bool) -> None:
        """The messages of a sequence that no block has: SAFE or FINALIZED moved."""
        by_state: dict[str, list[StateRecord]] = defaultdict(list)
        for each in records:
            life = self._lives.lives.get(each.transaction)
            if judged and life is not None and not life.unsure:
                self._judge_tagged(each, life)
            self._take(each, life)
            if each.state in ("SAFE", "FINALIZED"):
                by_state[each.state].append(each)
        for state, those in by_state.items():
            self._cover(state, those, time_ms, judged=judged)

    def _judge(
        self,
        record: StateRecord,
        life: Life | None,
        states: Mapping[bytes, str],
        facts: Facts,
        *,
        sure: bool,
    ) -> None:
        if life is None or life.unsure or not sure:
            return
        state = states.get(record.transaction)
        if state is None:
            by = f"by an event of block {facts.number} that neither says it nor takes it back"
            detail = f"it is {record.state} {by}"
            self._report(of_states("state", [record], detail))
        elif not _fits(record.state, state, facts) or record.block_hash != facts.block_hash:
            self._report(
                of_states(
                    "state",
                    [record],
                    f"it is {record.state} in block {record.number}, the {facts.kind.value} of block "
                    f"{facts.number} (0x{facts.block_hash.hex()[:10]}…) makes it {state} there",
                )
            )
        self._judge_history(record, life)

    def _judge_tagged(self, record: StateRecord, life: Life) -> None:
        if record.block_hash not in life.holders:
            self._report(
                of_states(
                    "state-stands",
                    [record],
                    f"it becomes {record.state} in a block that is not on the branch: a consumer takes an "
                    "orphan's transaction for settled",
                )
            )
        self._judge_history(record, life)

    def _judge_history(self, record: StateRecord, life: Life) -> None:
        if life.base is None:
            life.base = record.epoch - life.reverts
            if self._nothing_before and life.base != 0:
                life.base = 0
        if record.epoch != life.base + life.reverts:
            self._report(
                of_states(
                    "epoch",
                    [record],
                    f"canonical_epoch is {record.epoch}, the facts make {life.base + life.reverts}: a "
                    "consumer miscounts how often it left the chain",
                )
            )
        if record.state != REORGED and record.retracts is not None:
            self._report(of_states("retracts", [record], f"it is {record.state}, and retracts a version"))
        before = life.before(record.version) if record.state == REORGED else None
        # A later one than was read may be compacted away.
        gone = (
            record.time_ms < self._compacted_before_ms
            and (record.retracts or 0) >= (before or record).version
        )
        if before is not None and record.retracts != before.version and not gone:
            self._report(
                of_states(
                    "retracts",
                    [before, record],
                    f"it retracts version {record.retracts}, and {before.version} ({before.state}) is the "
                    "last one: a consumer keeps what it should take back",
                )
            )

    def _missing(self, facts: Facts, states: Mapping[bytes, str], mine: Mapping[bytes, StateRecord]) -> None:
        lacking = [each for each in states if each not in mine and not self._lives.lives[each].unsure]
        left = frozenset(each for each in lacking if states[each] == REORGED)
        for kind, those, detail in (
            ("state-stands", left, "stay as they were though their block left the chain"),
            ("state-missing", frozenset(lacking) - left, "have no state by the event that decides it"),
        ):
            if those:
                absence = Absence(kind, facts.number, facts.block_hash, facts.sequence, detail)
                self._absent(absence, those, facts.time_ms)

    def _cover(self, state: str, records: Sequence[StateRecord], time_ms: int, *, judged: bool) -> None:
        """What a tag covers besides the messages: blocks as high as those named, and not so far yet."""
        top = max(each.number or 0 for each in records)
        mine = {each.transaction for each in records}
        for block in self._lives.blocks.values():
            if block.state is None or block.number > top or RANKS[block.state] >= RANKS[state]:
                continue
            block.state = state
            if judged and not block.unsure:
                self._missing_tag(state, block, records[0].sequence, mine, time_ms)

    def _missing_tag(
        self, state: str, block: HeldBlock, sequence: int, mine: set[bytes], time_ms: int
    ) -> None:
        lives = self._lives.lives
        lacking = frozenset(
            each
            for each in block.transactions - mine
            if block.block_hash in lives[each].holders and not lives[each].unsure
        )
        if lacking:
            detail = f"are not {state}, though their block is"
            absence = Absence("state-missing", block.number, block.block_hash, sequence, detail)
            self._absent(absence, lacking, time_ms)

    def _raise(self, facts: Facts, record: StateRecord) -> None:
        block = self._lives.blocks[facts.block_hash]
        if record.block_hash != facts.block_hash:
            return  # Of another block that has the same transaction.
        if (
            facts.kind is BranchKind.REPAIR
            and block.state
            and RANKS[block.state] < RANKS.get(record.state, 0) < _GONE
        ):
            block.state = record.state

    @staticmethod
    def _take(record: StateRecord, life: Life | None) -> None:
        if life is not None:
            life.versions[record.version] = record
