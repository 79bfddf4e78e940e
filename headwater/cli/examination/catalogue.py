"""Are topics and schemas as this version has them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from headwater.cli.examination.finding import Finding, Verdict
from topics.admin import Action, Change

TOPICS: Final = "topics"
SCHEMAS: Final = "schemas"
_DO: Final[Mapping[Action, str]] = {
    Action.CREATE: "`headwater topics apply`",
    Action.ALTER: "`headwater topics apply`",
    Action.GROW: "`headwater topics apply`",
    Action.REFUSED: "stop and drain its readers, then `headwater topics apply --force`",
}


def topics(changes: Sequence[Change], wanted: int) -> Iterator[Finding]:
    """`changes` that `topics plan` would make of `wanted` topics."""
    wrong = [each for each in changes if each.action is not Action.KEEP]
    missing = [each for each in wrong if each.action is Action.CREATE]
    if len(missing) == wanted:
        yield Finding(TOPICS, Verdict.WRONG, "none of the topics is there", _DO[Action.CREATE])
        return
    if not wrong:
        yield Finding(TOPICS, Verdict.OK, f"{wanted} topics are as the catalogue says")
    for each in changes:
        reason = f" ({each.reason})" if each.reason else ""
        if each.action is Action.CREATE:
            yield Finding(TOPICS, Verdict.WRONG, f"{each.topic} is not there", _DO[each.action])
        elif each.action is Action.KEEP:
            yield Finding(TOPICS, Verdict.NOTE, f"{each.topic}: {each.what}{reason}")
        else:
            yield Finding(TOPICS, Verdict.WRONG, f"{each.topic}: {each.what}{reason}", _DO[each.action])


def schemas(
    missing: Sequence[str], refused: Mapping[str, Sequence[str]], all_of_them: int
) -> Iterator[Finding]:
    """Subjects that lack the schema of this version, and those that would refuse it, with their reasons."""
    if not missing and not refused:
        yield Finding(SCHEMAS, Verdict.OK, f"the registry has all {all_of_them} schemas of this version")
    if missing:
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        yield Finding(
            SCHEMAS,
            Verdict.WRONG,
            f"the registry lacks the schema of this version of {some}",
            "where they are new, `headwater schemas register`; where it lost them, restore it",
        )
    for subject, reasons in refused.items():
        yield Finding(
            SCHEMAS,
            Verdict.WRONG,
            f"{subject}: the registry would refuse this version's schema: {reasons[0]}",
            "a newer version of Headwater wrote there, or another writer did: run that version",
        )
