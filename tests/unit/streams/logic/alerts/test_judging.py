"""What judged the statistics of remembered blocks, and what it takes to tell."""

from __future__ import annotations

from hypothesis import given

from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import Change, Configuration
from streams.logic.alerts.rule import Match, Rule
from tests.builders.alert_lives.life import Life
from tests.builders.alert_lives.rules import EVERY, TEXTS
from tests.builders.alerts import READER, Told, content, envelope, lives, rule, transfer, value
from topics.chainlog.kinds import EventKind as K


def statistics_of(configuration: Configuration) -> dict[str, int]:
    """Version of each rule on statistics."""
    return {
        name: each.rule.version for name, each in configuration.rules.items() if each.rule.match is Match.STAT
    }


@given(lives(EVERY, repairs=True, safe_leave=True))
def test_it_is_what_was_in_force_for_each_block(told: list[Told]) -> None:
    life = Life(TEXTS)
    for each in told:
        life.tell([each])
        fold = life.alerting.fold
        blocks = list(fold.blocks.values())
        if not blocks:
            continue
        judging = fold.judging(blocks)
        made = list(judging.configurations())
        for block in blocks:
            whole = fold.judged_by(block.hash)
            mine = {name: active.rule.version for name, active in judging.rules(block.hash).items()}
            assert mine == statistics_of(whole)
            for name, version in mine.items():
                lists = whole.rules[name].rule.lists
                assert any(
                    statistics_of(one).get(name) == version
                    and all(one.lists[each] == whole.lists.get(each, frozenset()) for each in lists)
                    and all(one.raw_lists.get(each) == whole.raw_lists.get(each) for each in lists)
                    for one in made
                )


class Edited:
    """A chain of blocks, before each of which something of the configuration changes."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = {each.id: each for each in rules}
        self.compiled = 0
        self._offset, self._sequence = 0, 100
        self._alerting = Alerting("ethereum", self._compile, max_unindexed=1_000)
        self.edit(*((f"rule:{each.id}", "0") for each in rules))

    def _compile(self, text: str, version: int) -> Rule:
        self.compiled += 1
        name, _, _ = text.partition(" ")
        found = next((each for each in self._rules.values() if each.id == name), None)
        assert found is not None
        return found

    def edit(self, *texts: tuple[str, str | None]) -> None:
        changes = []
        for key, text in texts:
            self._offset += 1
            named = f"{key.partition(':')[2]} {text}" if key.startswith("rule:") else text
            changes.append(Change(self._offset, key, named))
        self._alerting.adopt(self._sequence, changes, self._refuse)

    def _refuse(self, change: Change, problem: Exception) -> None:
        raise problem

    def tell(self, kind: K, number: int, transfers: int = 1) -> None:
        told = envelope(kind, self._sequence, number, "", number)
        self._sequence += 1
        body = content(*(transfer(place, 1) for place in range(transfers)))
        self._alerting.handle(told, (value(told, body),), READER)


def test_a_repair_compiles_each_former_text_once() -> None:
    """Each block's configuration was made whole, twice: a repair took a minute behind some hundred edits."""
    busy = rule("busy", Match.STAT, where=lambda record, lists: False)
    chain = Edited(busy, *(rule(f"r{number}") for number in range(20)))
    for number in range(30):
        chain.edit(("rule:busy", str(number)), *((f"rule:r{each}", str(number)) for each in range(5)))
        chain.tell(K.APPLY, number)
    before = chain.compiled
    chain.tell(K.REPAIR, 0, transfers=2)
    assert 29 <= chain.compiled - before <= 29 * 6
    before = chain.compiled
    chain.tell(K.REPAIR, 1, transfers=2)
    assert chain.compiled == before, "they are remembered"


def test_where_no_rule_is_on_statistics_a_repair_asks_for_no_former_list() -> None:
    chain = Edited(rule("single"))
    for number in range(30):
        chain.edit((f"list:watched:0x{number:040x}", ""))
        chain.tell(K.APPLY, number)
    asked: list[object] = []
    chain._alerting.fold.judging = asked.append  # type: ignore[assignment, method-assign]
    chain.tell(K.REPAIR, 0, transfers=2)
    assert asked == []
