"""What nodes and providers mean by what they say of an error: their words come before any code.

Pure. The codes are used for anything; the words are few. `docs/nodes.md` has what follows from each meaning;
the tests have the phrases themselves, each with where it was said.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
UNKNOWN_BLOCK: Final = -39001
LIMIT_EXCEEDED: Final = -32005
PRUNED_HISTORY: Final = 4444
"""EIP-4444, as execution-apis has it."""


class Meaning(Enum):
    """What an error is about."""

    BATCH_LIMIT = auto()
    """Fewer calls at once are taken."""
    NO_BATCHES = auto()
    """Calls are taken one after the other."""
    THROTTLED = auto()
    PAYMENT = auto()
    """The endpoint answers nothing until somebody has paid."""
    PRUNED = auto()
    """The node had it, or another kind of node has it; this one does not keep it."""
    NO_SUCH_BLOCK = auto()
    INVALID_BLOCK = auto()
    """No such block where a number was asked for, no such tag where a tag was."""
    PASSING = auto()
    UNSUPPORTED = auto()


# Of a provider that sells plans too: what passes is not what it sells.
_NOT_PASSING: Final = (
    r"\A(?!.*(timed? ?out|\bretry\b|exhausted|try again|not ready"
    r"|\bunavailable\b(?! (on|in|for|with|under)\b)))"
)
# In this order: "limit exceeded" of a batch is another one than that of a minute, and so on.
_PHRASES: Final = tuple(
    (meaning, re.compile(pattern))
    for meaning, pattern in (
        (
            Meaning.BATCH_LIMIT,
            r"\A(?=.*\bbatch)"
            r"(?=.*(limit|large|\bbig|exceed|\bmax|too many|more than|up to|\bcap\b|greater|fewer))"
            r"|\b(response|request|payload|body|entity|content)\b.*\btoo (large|big)"
            r"|\b(response|payload|body|result|content)('s)? (size|length)\b.*\b(exceed|over|limit|max)"
            r"|\b(response|payload|body|result)s?\b.*\bexceed(s|ed|ing)?\b.*\b(size|bytes|[km]i?b)\b",
        ),
        (Meaning.NO_BATCHES, r"\A(?=.*\bbatch)(?=.*(\bnot\b|n't\b|disabled|unsupported|forbidden|denied))"),
        (
            Meaning.THROTTLED,
            r"rate.?limit|request (rate|limit)|rate exceeded|too many \w*\s?(requests|calls|connections)"
            r"|limit (was |has been |is )?(exceeded|reached|hit)|limited to \d|throttl|quota|capacity"
            r"|(exceed(s|ed|ing)?|reached|hit|over)\b.*\b(limit|requests|calls|credits|compute units|plan)\b"
            r"|\b(requests?|calls?|credits|units|count)\b.{0,20}(per |/ ?)(s|sec|second|m|min|minute|day)\b"
            r"|request count exceeded|insufficient credits|out of credits|not enough credits|slow down"
            r"|\b(cups?|rps)\b.*\b(exceed|limit|reach)|error code: 1015\b",
        ),
        (
            # What a provider sells with another plan, whatever else is in the words.
            Meaning.UNSUPPORTED,
            _NOT_PASSING + r"(?:(?=.*(\bmethods?\b|\b(eth|debug|trace)_|\b(debug|trac(e|ing))\b))"
            r"(?=.*(\bnot\b|n't\b|\bonly\b|require|upgrade))"
            r"(?=.*(\bplans?\b|tier\b|\badd-?on\b|\bpaid\b|premium))"
            r"|.*\b(eth|debug|trace)_\w+ is not (available|enabled)\b"
            r"(?!.*\b(yet|blocks?|now|moment|again)\b))",
        ),
        (
            Meaning.PAYMENT,
            _NOT_PASSING + r".*(?:\bpayment (is )?(required|due|overdue)|\b(past due|unpaid)\b|\bbilling\b"
            r"|\b(subscription|trial|plan)\b (has |is |was )?(expired|ended|inactive|suspended|cancell?ed))",
        ),
        (
            Meaning.PRUNED,
            r"\A(?!.*\b(in progress|try (again|later)|catching up|is being)\b)"
            r".*\b(prun(ed|ing)|archiv(e|al)|ancient)\b|history.*(unavailable|not available|expired)"
            r"|(before|below|older than|prior to|lower than)\b.*\b(earliest|oldest|first|lowest|retention)"
            r"|\b(earliest|oldest|lowest) (available |stored )?(block|height)\b|before \S+ is not available"
            r"|\b(block|height)\b.*\btoo (old|low)\b",
        ),
        (
            Meaning.NO_SUCH_BLOCK,
            r"\b(block|header|height)s?\b.*(not found|not available|unavailable|not yet available|not exist"
            r"|n't exist|out of (range|bounds)|too (high|far|new|large)|in the future|requested was"
            r"|not (yet )?(mined|produced|imported|known|been)|beyond|must be less|(greater|higher) than)"
            r"|\b(unknown|no such|no|could not find|cannot find) (block|header)\b(?! tag)|resource not found"
            r"|\bfuture block\b",
        ),
        (Meaning.INVALID_BLOCK, r"\b(invalid|bad|illegal) (block|height)\b(?! tag)"),
        (
            Meaning.PASSING,
            r"temporar|try again|\bretry\b|timed? ?out|\bbusy\b|overload|unavailable|not ready|upstream"
            r"|not responding|not synced|syncing|catching up|starting|initiali[sz]ing|maintenance|shut",
        ),
        (
            Meaning.UNSUPPORTED,
            r"\bmethod\b.*(\bnot\b|disabled|unknown|unsupported|forbidden|blocked)"
            r"|(unknown|unsupported|invalid|no such) method"
            r"|not (supported|whitelisted|implemented)|unsupported|\btag\b|hex number",
        ),
    )
)
_LONGEST: Final = 1_000
"""Characters that are looked at: some quote what they were asked, or a page."""


def meaning_of(code: object, *texts: str) -> Meaning | None:
    """The meaning of an error by the first of its texts that has one, then by its code; None for neither."""
    for text in texts:
        words = " ".join(text[:_LONGEST].lower().split())
        for meaning, phrase in _PHRASES:
            if phrase.search(words):
                return meaning
    # Some write it as a text, or as a fraction.
    return _CODES.get(str(code)[:_LONGEST].removesuffix(".0"))


_CODES: Final = {
    str(LIMIT_EXCEEDED): Meaning.THROTTLED,
    "429": Meaning.THROTTLED,
    str(PRUNED_HISTORY): Meaning.PRUNED,
    str(UNKNOWN_BLOCK): Meaning.NO_SUCH_BLOCK,
    str(METHOD_NOT_FOUND): Meaning.UNSUPPORTED,
    str(INVALID_PARAMS): Meaning.UNSUPPORTED,
}
