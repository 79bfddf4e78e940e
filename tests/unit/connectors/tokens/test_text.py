"""Files of tokens: what they say, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tokens.description import LONGEST_NAME, LONGEST_SYMBOL, Token
from connectors.tokens.text import read, written
from headwater.errors import Fatal

GOLD, LEAD = "0x" + "ab" * 20, "0x" + "cd" * 20


def entry(*more: str, address: str = GOLD, decimals: str = "6") -> str:
    return "\n  ".join([f'- address: "{address}"', f"decimals: {decimals}", *more]) + "\n"


def refused(text: str) -> str:
    with pytest.raises(Fatal) as caught:
        read(text, "t.yaml", 1)
    return str(caught.value)


def test_a_file_has_one_token_or_a_list_of_them() -> None:
    gold = Token(GOLD, 6, "GLD", "Gold of the realm")
    text = entry("symbol: GLD", "name: Gold of the realm", address=GOLD.upper().replace("0X", "0x"))
    assert read(text, "t.yaml", 1) == {GOLD: gold}
    assert read(text[2:].replace("\n  ", "\n"), "t.yaml", 1) == {GOLD: gold}
    both = read(text + entry("chain_id: 1", address=LEAD, decimals="255"), "t.yaml", 1)
    assert both == {GOLD: gold, LEAD: Token(LEAD, 255)}
    assert read("[]", "t.yaml", 1) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"t.yaml has no tokens; write \[\] to have all of them taken out"),
        ("a: [", "t.yaml is not YAML: .*line 1"),
        ("- {? [a] : b}", "t.yaml is not YAML: .*unhashable"),
        (entry("name: 2026-13-45"), "t.yaml is not YAML: month must be"),
        (entry(decimals="9" * 5_000), "t.yaml is not YAML: "),
        ("[" * 5_000, "t.yaml is nested too deeply"),
        ("- gold", "t.yaml: token 1 is not a mapping"),
        (entry("decimal: 6"), "t.yaml: token 1: there is no decimal; known: address, symbol, name, decimals"),
        (entry("decimals: 7"), "t.yaml is not YAML: decimals is there twice .*line 3"),
        (entry() + f'- address: "{LEAD}"', "t.yaml: token 2 has no decimals; .* must be there"),
        ("- decimals: 6", "t.yaml: token 1 has no address; .* must be there"),
        (f"- {{address: {GOLD}, decimals: 6}}", 'token 1: address is not text; put it in quotes: "0x…"'),
        (entry(address="0xab"), "token 1: '0xab' is not an address; an address is 0x and 40 hex digits"),
        (entry(address=GOLD + "0"), "is not an address"),
        (entry(decimals="256"), rf"token 1 \({GOLD}\): decimals is 256; .* whole number from 0 to 255"),
        (entry(decimals="-1"), "decimals is -1; write what"),
        (entry(decimals="1.5"), "decimals is 1.5; write what"),
        (entry(decimals="yes"), "decimals is True; write what"),
        (entry(decimals="'6'"), "decimals is '6'; write what"),
        (entry("symbol: no"), rf"token 1 \({GOLD}\): symbol is False, no text; put it in quotes"),
        (entry("name: 1e5x", "symbol: 12"), "symbol is 12, no text; put it in quotes"),
        (
            entry(r'symbol: "US\u0000DC"'),
            r"symbol: character 3 is U\+0000, which does not show; leave it out",
        ),
        (entry(r'symbol: "US\nDC"'), r"symbol: character 3 is U\+000A"),
        (entry(r'name: "\u202eCDSU"'), r"name: character 1 is U\+202E"),
        (entry(r'name: "a\u2028"'), r"name: character 2 is U\+2028"),
        (entry(r'name: "\ud800"'), r"name: character 1 is U\+D800"),
        (entry(f"symbol: {'S' * (LONGEST_SYMBOL + 1)}"), "symbol has 65 characters; shorten it to 64"),
        (entry(f"name: {'n' * (LONGEST_NAME + 1)}"), "name has 257 characters; shorten it to 256"),
        (entry("chain_id: 10"), r"token 1 .* is of chain 10, not of 1; keep a file for each chain"),
        (entry("chain_id: true"), "is of chain True, not of 1"),
        (entry() + entry(address=GOLD.upper().replace("0X", "0x")), f"token 2 .{GOLD}. is token 1 again"),
    ],
)
def test_what_is_wrong_is_said_of_the_entry_with_the_remedy(text: str, problem: str) -> None:
    with pytest.raises(Fatal, match=problem):
        read(text, "t.yaml", 1)


def test_a_value_that_is_long_is_not_said_whole() -> None:
    assert len(refused(entry(decimals="[" + "1," * 50_000 + "1]"))) < 300


WORDS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=LONGEST_SYMBOL)


@given(
    st.lists(
        st.builds(
            Token,
            st.binary(min_size=20, max_size=20).map(lambda own: f"0x{own.hex()}"),
            st.integers(0, 255),
            WORDS,
            WORDS,
        ),
        max_size=5,
        unique_by=lambda each: each.address,
    ),
    st.integers(1, 2**53),
)
def test_what_is_written_is_read(tokens: list[Token], chain_id: int) -> None:
    assert read(written(tokens, chain_id), "t.yaml", chain_id) == {each.address: each for each in tokens}
