"""What `headwater up` puts in place by itself, beside what its user applies: rules and channels.

What he changed or took out stays as he left it. What he names by a flag takes the place of what is built in.
Kept in the data directory: what stands there is known to be ours by the text that was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.errors import Fatal

NAME: Final = "builtin.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """Id → text to be written, None to be taken out; and what is to be kept as written by us then, by id."""

    changes: dict[str, str | None]
    written: dict[str, str]


def plan(builtin: Mapping[str, str], standing: Mapping[str, str], written: Mapping[str, str]) -> Plan:
    """What is to be done for the built-in texts to be in place, but for those that the user has made his own.

    All by id: `standing` are the texts that are in place, `written` those of an earlier start.
    """
    changes: dict[str, str | None] = {}
    kept = dict(written)
    for own, text in builtin.items():
        known = standing.get(own)
        if known == text:
            kept[own] = text
        elif known == written.get(own):  # not there and never written, or an older text of ours
            changes[own] = text
            kept[own] = text
    for own in written.keys() - builtin.keys():
        if standing.get(own) == written[own]:
            changes[own] = None
        del kept[own]
    return Plan(changes, kept)


def replaced(named: Mapping[str, str], standing: Mapping[str, str], written: Mapping[str, str]) -> Plan:
    """What is to be done for the texts that the user names to be in place, and none of ours."""
    changes: dict[str, str | None] = {own: text for own, text in named.items() if standing.get(own) != text}
    gone = {own for own, text in written.items() if standing.get(own) == text}
    changes |= dict.fromkeys(sorted(gone - named.keys()))
    return Plan(changes, {own: text for own, text in written.items() if own not in gone})


def carry_out(
    kept: WrittenTexts,
    builtin: Mapping[str, str],
    named: Mapping[str, str] | None,
    standing: Mapping[str, str],
    write: Callable[[Mapping[str, str | None]], None],
) -> None:
    """Plan and write; `named` None: the user names none. A kill in between is made good by the next start."""
    # What stands as it is built in is ours, whatever the file says: a kill may have come before it did.
    written = kept.read() | {own: text for own, text in builtin.items() if standing.get(own) == text}
    made = plan(builtin, standing, written) if named is None else replaced(named, standing, written)
    # What is taken out is forgotten first, else it would look as if the user had taken it out.
    kept.write({own: text for own, text in written.items() if own in made.written})
    write(made.changes)
    kept.write(made.written)


class WrittenTexts:
    """The file that says what was written, for rules and channels each."""

    def __init__(self, directory: Path, what: str) -> None:
        self._path, self._what = directory / NAME, what

    def read(self) -> dict[str, str]:
        """Id → text. Raises Fatal for a file that is none of ours."""
        return dict(self._all().get(self._what, {}))

    def write(self, written: Mapping[str, str]) -> None:
        """In one step."""
        everything = {**self._all(), self._what: dict(written)}
        staging = self._path.with_suffix(".staging")
        staging.write_text(json.dumps(everything, indent=2), "utf-8")
        staging.replace(self._path)

    def _all(self) -> dict[str, dict[str, str]]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise Fatal(f"{self._path} is damaged", remedy="remove it: built-in rules come back") from error
        if not isinstance(found, dict):
            raise Fatal(f"{self._path} is damaged", remedy="remove it: built-in rules come back")
        return found
