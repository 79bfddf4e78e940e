"""What a file of faults may say, what it may not, and that the page says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from headwater.errors import Fatal
from sandbox.node.plan import load
from sandbox.node.plan.errors import ERRORS
from sandbox.node.plan.rule import Rule
from sandbox.node.plan.rules import AnyRule, StaleHead
from tests.paths import ROOT

PAGE = (ROOT / "docs/recorded-node.md").read_text("utf-8")
KINDS = {
    each.model_fields["kind"].annotation.__args__[0]: each  # type: ignore[union-attr]
    for each in get_args(get_args(AnyRule)[0])
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("faults: [{kind: cut, shared: 0.5}]", r"faults\.0\.cut\.shared: Extra inputs"),
        ("faults: [{kind: cutt}]", "faults.0: Input tag 'cutt'"),
        ("faults: []\nsead: 3", "sead: Extra inputs"),
        ("faults: [{kind: null_block}]", "null_block"),
        ("faults: [{kind: silence, probability: 2}]", r"silence\.probability: .*less than or equal to 1"),
        (
            "faults: [{kind: error, name: nobody}]",
            r"faults\.0\.error\.name: .*no such error: nobody; there are alchemy-capacity",
        ),
        ("faults: [{kind: rate_limit, per_second: 3, name: nobody}]", r"rate_limit\.name: .*no such error"),
        ("faults: [{kind: silence, every: 3}]", "`every` and `lasts` go together"),
        ("faults: [", "cannot be read"),
        ("- 1", "file: Input should be"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(Fatal, match=words):
        load(path)


def test_a_rule_is_on_by_its_schedule() -> None:
    rule = StaleHead(kind="stale_head", blocks=1, start=10, end=30, every=8, lasts=3)
    assert [at for at in range(40) if rule.is_on(at)] == [10, 11, 12, 18, 19, 20, 26, 27, 28]


def test_the_page_has_every_kind_with_its_keys() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
    told = {kind: set(re.findall(r"`(\w+)`", keys)) for kind, keys in rows}
    common = set(Rule.model_fields)
    assert told == {kind: set(own.model_fields) - common - {"kind"} for kind, own in KINDS.items()}


def test_the_page_has_every_key_of_a_rule_and_every_error() -> None:
    keys = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| [^|]* \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(keys))) == set(Rule.model_fields)
    names = PAGE.partition("Names of errors:")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([\w-]+)`", names)) == set(ERRORS)


def test_the_example_of_the_page_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    assert len(load(path).faults) == 6
