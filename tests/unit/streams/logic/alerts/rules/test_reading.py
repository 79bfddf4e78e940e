"""From YAML to rules: what each key says, and that every problem has its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Permanent
from streams.logic.alerts.rule import (
    Comparison,
    ConditionError,
    Finality,
    Function,
    Match,
    Requirement,
    Severity,
)
from streams.logic.alerts.rules import compile_rule, place, read_file, rules_of

USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
WHOLE = f"""\
# Large movements of USDC.
id: large-usdc-transfer
chains: [ethereum, base]
severity: high
match: token-transfer
where: 'token_address == "{USDC}" && value >= 1000000000000 && !(from_address in lists.exchanges)'
group_by: [from_address]
window: {{size: 10m, every: 1m, count: ">= 3", sum(value): "> 5_000_000", distinct(to_address): "!= 1"}}
finality: safe
cooldown: 30m
labels: {{team: treasury, tier: 1}}
channels: [ops-slack, siem-webhook]
title: "{{{{ sum(value) | units(6) }}}} USDC in {{{{ count }}}} transfers from {{{{ from_address | label }}}}"
shadow: true
"""
LEAST = "id: a\nmatch: block\n"


def problems(source: str) -> list[str]:
    return [str(each) for each in read_file(source).all_problems]


def test_every_key() -> None:
    rule = compile_rule(WHOLE, 7)
    assert (rule.id, rule.version, rule.text) == ("large-usdc-transfer", 7, WHOLE)
    assert rule.chains == {"ethereum", "base"}
    assert (rule.severity, rule.match, rule.finality) == (Severity.HIGH, Match.TOKEN_TRANSFER, Finality.SAFE)
    assert (rule.group_by, rule.lists) == (("from_address",), {"exchanges"})
    assert rule.requirements == (Requirement("token_address", frozenset({USDC})),)
    assert (rule.cooldown_ms, rule.within_ms, rule.of, rule.shadow) == (1_800_000, None, None, True)
    assert rule.labels == {"team": "treasury", "tier": "1"}
    assert rule.channels == ("ops-slack", "siem-webhook")
    assert rule.window is not None
    assert (rule.window.size_ms, rule.window.every_ms) == (600_000, 60_000)
    found = [(each.function, each.of, each.comparison, each.bound) for each in rule.window.thresholds]
    assert found == [
        (Function.COUNT, None, Comparison.AT_LEAST, 3),
        (Function.SUM, "value", Comparison.ABOVE, 5_000_000),
        (Function.DISTINCT, "to_address", Comparison.UNEQUAL, 1),
    ]
    total = rule.window.thresholds[1].value
    assert total is not None
    assert total({"value": 1 << 200}, {}) == 1 << 200
    record = {"token_address": USDC, "value": 10**12, "from_address": "0x1"}
    assert rule.where(record, {"exchanges": frozenset()})
    assert not rule.where(record, {"exchanges": frozenset({"0x1"})})
    measures = {"sum(value)": 1_234_567_890, "count": 3, "from_address": "0x1"}
    assert rule.title(measures, {"0x1": "Bob"}) == "1,234.5678 USDC in 3 transfers from Bob"


def test_what_is_left_out_has_a_default() -> None:
    rule = compile_rule(LEAST, 0)
    assert (rule.severity, rule.finality, rule.cooldown_ms) == (Severity.MEDIUM, Finality.PROVISIONAL, 0)
    assert rule.where({}, {})
    assert rule.title({}, {}) == "a"
    assert not any((rule.chains, rule.labels, rule.channels, rule.shadow, rule.requirements, rule.window))


def test_an_absence() -> None:
    text = "id: a\nmatch: absence\nof: token-transfer\nwithin: 1d\nwhere: from_address in lists.bridge\n"
    rule = compile_rule(text + "title: silent since {{ silent_since | time }}", 0)
    assert (rule.match, rule.of, rule.within_ms) == (Match.ABSENCE, Match.TOKEN_TRANSFER, 86_400_000)
    assert rule.requirements == (Requirement("from_address", list="bridge"),)
    assert rule.title({"silent_since": 0}, {}) == "silent since 1970-01-01 00:00:00 UTC"


def test_a_rule_of_a_list_is_a_text_of_its_own() -> None:
    source = "".join(
        f"- {line}" if number == 0 else f"  {line}"
        for number, line in enumerate(WHOLE.splitlines(keepends=True)[1:])
    )
    found = read_file(source + "\n- {id: other, match: reorg, where: depth > 3}\n")
    assert not found.all_problems
    first, second = found.rules
    assert compile_rule(first.text, 1).requirements == compile_rule(WHOLE, 1).requirements
    assert compile_rule(second.text, 2).match is Match.REORG


def test_a_file_is_taken_as_a_whole_or_not_at_all() -> None:
    sound = "- {id: a, match: block}\n- {id: b, match: log}\n"
    assert [own for own, _ in rules_of(sound, "f.yaml")] == ["a", "b"]
    assert compile_rule(rules_of(sound, "f.yaml")[1][1], 3).match is Match.LOG
    with pytest.raises(Permanent, match=re.escape("f.yaml is refused: 3:18: match is one of")):
        rules_of(sound + "- {id: c, match: lgo}\n", "f.yaml")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("id: Bad\nmatch: block", "1:5: id is a-z"),
        ("match: block", "1:1: a rule has the key 'id'"),
        ("id: a", "1:1: a rule has the key 'match'"),
        (LEAST + "severty: high", "3:1: 'severty' is not a key of a rule; did you mean 'severity'?"),
        (LEAST + "severity: urgent", "3:11: severity is one of info, low"),
        (LEAST + "cooldown: 30", "3:11: cooldown is a number and a unit"),
        (LEAST + "cooldown: 31d", "3:11: cooldown is from 0s to 30d"),
        (LEAST + "cooldown:", "3:10: cooldown has no value"),
        (LEAST + "shadow: yes", "3:9: shadow is true or false"),
        (LEAST + "chains: [a, [b]]", "3:13: an entry of chains is one value"),
        (LEAST + "labels: {label.x: a}", "3:10: names that begin with 'label.'"),
        (LEAST + "within: 1d", "3:9: within belongs to match: absence"),
        (LEAST + "of: log", "3:5: of belongs to match: absence"),
        ("id: a\nmatch: absence\nof: log", "2:8: an absence has within"),
        ("id: a\nmatch: absence\nwithin: 1d", "1:1: an absence has of"),
        ("id: a\nmatch: absence\nwithin: 1d\nof: reorg", "4:5: an absence has of"),
        (LEAST + "group_by: [miner, mner]", "3:19: 'mner' is not a field of one value; did you"),
        (LEAST + "group_by: [uncles]", "3:12: 'uncles' is not a field of one value"),
        ("id: a\nmatch: log\ngroup_by: [address, data]", "3:21: data may be of any length"),
        (LEAST + "group_by: [miner, miner]", "3:19: miner is there twice"),
        (LEAST + "group_by: [miner, nonce, size, gas_used, gas_limit]", "3:11: group_by: 5 of them, 4"),
        ('id: a\nmatch: stat\nwindow: {size: 1m, count: "> 1"}', "3:9: a rule about stat has no window"),
        (LEAST + "window: {size: 1m}", "3:9: a window has a threshold"),
        (LEAST + 'window: {count: "> 1"}', "3:9: a window has a size"),
        (LEAST + 'window: {size: 1m, every: 7s, count: "> 1"}', "3:9: window.every divides"),
        (LEAST + 'window: {size: 1h, every: 1s, count: "> 1"}', "3:9: window.every divides"),
        (LEAST + "window: {size: 1m, count: 3}", "3:27: count is compared with an integer"),
        (LEAST + 'window: {size: 1m, sum(minr): "> 1"}', "3:20: 'minr' is not a field; did you mean 'min"),
        (LEAST + 'window: {size: 1m, sum(miner): "> 1"}', "3:20: sum takes an integer, miner is string"),
        (LEAST + 'window: {size: 1m, sum: "> 1"}', "3:20: sum names a field"),
        (LEAST + 'window: {size: 1m, distinct(miner): "< 50000"}', "3:37: distinct(miner) is compared with"),
        (LEAST + 'window: {size: 1m, cuont: "> 1"}', "3:20: 'cuont' is not a key of a window; did"),
        (LEAST + 'title: "{{ miner | shrt }}"', "3:9: 'shrt' is not a filter; did you mean 'short'?"),
        (LEAST + 'title: "of {{ minr }}"', "3:12: 'minr' is not a field; did you mean 'miner'?"),
        (LEAST + 'title: "{{ miner | human }}"', "3:9: human takes int, miner is string here"),
        (LEAST + 'title: "{{ gas_used | units }}"', "3:9: units takes a number"),
        (LEAST + 'title: "{{ uncles }}"', "3:9: uncles cannot be written so; one element"),
        (LEAST + 'title: "a {{ miner"', "3:9: {{ and }} come in pairs"),
        (LEAST + f"title: {'x' * 257}", "3:8: a title of 257 characters"),
        (LEAST + 'where: "gas_used > 1 && foo"', "3:25: undeclared reference to 'foo': it is not"),
        (LEAST + "where: 'miner == \"it''s\"'", "3:18: \"it's\" is never equal"),
        (LEAST + "where: 'extra == \"it''s\" || x'", "3:29: undeclared reference to 'x'"),
        (LEAST + 'where: "extra == \\"a\\" || \\x67as_usd > 1"', "3:27: undeclared reference to 'gas_usd'"),
        (LEAST + "where: |\n    gas_used > 1 &&\n\n      foo > 1", "6:7: undeclared reference to 'foo'"),
        (LEAST + "where: >-\n    gas_used > 1\n    && foo > 1", "5:8: undeclared reference to 'foo'"),
        (LEAST + "where: gas_used > 1\n    && foo > 1", "4:8: undeclared reference to 'foo'"),
        (LEAST + "where: gas_usd > 1", "3:8: undeclared reference to 'gas_usd'; did you mean 'gas_used'?"),
        (LEAST + "where: gas_used", "3:8: a condition is true or false"),
        (LEAST + "where: [a]", "3:8: where is one value, not a collection"),
        ("id: a\nmatch: token-transfer\nwhere: amount > 1.0", "3:8: undeclared reference to 'amount': tok"),
        ("- {id: a, match: block}\n- {id: a, match: block}", "2:3: the id 'a' is there twice"),
        ("id: a\nid: b", "2:1: 'id' is there twice"),
        ("id: &x a\nmatch: *x", "2:8: aliases are not part of a rule"),
        ("[" * 10_000, "1:6: nested too deeply"),
        ("- " * 10_000 + "a", "1:11: nested too deeply"),
        ("id: !!python/name:os.system a\nmatch: block", "1:5: id has a tag"),
        ("? [a]\n: b", "1:3: a key of a rule is a word"),
        ("- just text", "1:3: a rule is a mapping"),
        ("id: a: b", "1:6: not YAML"),
        ("id: a\x00", "1:1: not YAML"),
        ("id: '\ud800'", "1:1: not YAML"),
        ("id: a\n---\nid: b", "2:1: not YAML"),
        ("", "1:1: the file has no rule"),
        ("[]", "1:1: the file has no rule"),
        (LEAST + "# " + "x" * 20_000, "1:1: a rule of 20,02"),
        ("- {id: a, match: block}\n" * 10_001, "1:1: 10,001 rules in a file"),
        ("#" + "x" * (5 << 20), "1:1: 5,242,881 characters"),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_its_place(source: str, expected: str) -> None:
    found = problems(source)
    assert any(each.startswith(expected) for each in found), found


def test_all_problems_are_named_at_once() -> None:
    found = read_file(
        "- {id: A, match: lgo, severty: low}\n- {id: b, match: log, where: foo, cooldown: 1x}\n"
    )
    assert [each.line for each in found.all_problems] == [1, 1, 1, 2, 2]
    with pytest.raises(Permanent, match=re.escape("1:6: id is a-z")) as caught:
        compile_rule("{id: A, match: block, where: foo}", 1)
    assert "1:30: undeclared" in caught.value.message


def test_a_file_is_searched_for_its_lines_once_however_many_problems_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For each problem it took minutes to refuse ten thousand rules."""
    searched: list[int] = []

    class Breaks:
        def finditer(self, source: str) -> Iterator[re.Match[str]]:
            searched.append(len(source))
            return breaks.finditer(source)

    breaks = place._BREAK
    monkeypatch.setattr(place, "_BREAK", Breaks())
    source = "".join(f"- id: r{number}\n  match: log\n  where: adress == ''\n" for number in range(30))
    found = problems(source)
    assert [each.split(":")[:2] for each in found] == [[str(3 * n + 3), "10"] for n in range(30)]
    assert searched == [len(source)]


def test_a_rule_that_no_index_finds_is_warned_of() -> None:
    def warned(match: str, where: str) -> bool:
        found = read_file(f"id: a\nmatch: {match}\nwhere: '{where}'")
        assert not found.all_problems
        return bool(found.rules[0].warnings)

    assert warned("transaction", "value > 5")
    assert warned("log", "chain_id == 1 && block_number == 7")
    assert not warned("transaction", "receipt_status == 0 && value > 5")
    assert not warned("block", "gas_used > 5")
    assert not warned("log", "address in lists.watched")
    assert warned("log", "address in lists.watched || removed")


def test_a_finality_that_says_nothing_is_warned_of() -> None:
    def warned(text: str) -> list[str]:
        found = read_file(text)
        assert not found.all_problems
        return [f"{each.line}:{each.column}: {each.message}" for each in found.rules[0].warnings]

    (warning,) = warned("id: a\nmatch: reorg\nfinality: safe\n")
    assert warning.startswith("3:11: a reorg is a fact of the log")
    assert not warned("id: a\nmatch: reorg\nfinality: provisional\n")
    assert not warned("id: a\nmatch: block\nfinality: safe\n")
    # A window is judged with the blocks behind its end, which may leave.
    assert not warned('id: a\nmatch: reorg\nfinality: safe\nwindow: {size: 1h, count: "< 3"}\n')


def test_a_title_says_what_the_record_has() -> None:
    holes = "{{ topics[1] | address | short }} {{ extra }} {{ block_timestamp | time }}"
    text = f"id: a\nmatch: log\ntitle: '{holes}'"
    title = compile_rule(text, 0).title
    record = {
        "topics": ["0x", "0x" + "00" * 12 + "ab" * 20],
        "extra": None,
        "block_timestamp": 1_700_000_000_000,
    }
    assert title(record, {}) == "0xabab…abab none 2023-11-14 22:13:20 UTC"
    with pytest.raises(ConditionError):
        title({**record, "topics": []}, {})
    with pytest.raises(ConditionError):
        title({**record, "block_timestamp": 1 << 70}, {})


WORDS = st.sampled_from(
    [
        *("id: a", "match: log", "match: absence", "where: 'x'", "where: |", "  address == ''"),
        *("window: {size: 1m,", 'count: "> 1"}', "title: '{{ address }}'", "group_by: [address]"),
        *("of: log", "within: 1d", "labels: {a: b}", "- ", "  ", "[", "]", "{", "}", "&a", "*a", "!!x"),
        *('"', "'", ": ", "#", "\t", "? ", "---", "\x00", "é", "\u2028"),
    ]
)
LINES = st.lists(WORDS, max_size=12)


@given(st.one_of(st.text(max_size=80), LINES.map("\n".join), LINES.map("".join)))
def test_any_text_is_rules_or_is_refused(text: str) -> None:
    found = read_file(text)
    assert found.rules or found.all_problems
    for each in found.rules:
        assert (each.rule is None) == bool(each.problems)
