"""The key `shadow` is set in a rule's text, and nothing else of the text changes."""

from __future__ import annotations

import pytest

from headwater.errors import Permanent
from streams.logic.alerts.rules import compile_rule, is_shadowed, shadowed

TEXTS = [
    "id: a\nmatch: block\n",
    "# Größe: über 100 gwei ☂\nid: a   # the name\nmatch: block\nlabels: {team: ä}\n",
    "{id: a, match: block}",
    "--- {id: a, match: block}\n",
    "  id: a\n  match: block\n  labels:\n    shadow: 'true'\n",
    "id: a\nshadow: false  # until May\nmatch: block\n",
    "{id: a, 'shadow': false, match: block}",
    "id: a\r\nmatch: block\r\n",
    "!!map\nid: a\nmatch: block\n",
    "--- !!map # ours\n# of May\n  id: a\n  match: block\n",
    "--- !!map {id: a, match: block}\n",
    "!<tag:yaml.org,2002:map>\nid: a\nmatch: block\n",
    "%YAML 1.1\n---\n? id\n: a\n? match\n: block\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_key_is_set_and_taken_back(text: str) -> None:
    assert not is_shadowed(text)
    on = shadowed(text, on=True)
    assert is_shadowed(on)
    assert compile_rule(on, 1).shadow
    assert shadowed(on, on=True) == on
    off = shadowed(on, on=False)
    assert not compile_rule(off, 1).shadow
    # What the text had beside the key, it has still.
    assert off.replace("shadow: false, ", "").replace("shadow: false\n", "").split() == (
        text.replace("shadow: false, ", "").replace("shadow: false\n", "").split()
    )


@pytest.mark.parametrize("text", ["- {id: a}", "id: [", ""])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(Permanent, match="the rule's text is not"):
        shadowed(text, on=True)
