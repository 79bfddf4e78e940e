"""The rules of `headwater up`: its own about the local chain's traffic, or those that `--rules` names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headwater.cli.alerting import topic
from headwater.cli.alerting.reading import read_files, sound, warnings_of
from headwater.cli.alerting.rules import changes_of
from headwater.errors import Fatal
from headwater.settings import AlertSettings, Settings
from sandbox import traffic
from sandbox.stack.builtin import WrittenTexts, carry_out
from streams.logic.alerts.compiling import ReadRule
from streams.logic.alerts.configuration import RULE

BUILTIN = Path(traffic.__file__).parent / "rules.yaml"


class LocalRules:
    """Read and compiled before anything starts, put in force once Kafka is there.

    `folder` None: the built-in ones, which are about the local chain: without it there are none. Raises
    Permanent naming file, line and column of what is wrong with a rule.
    """

    def __init__(self, folder: Path | None, *, local_chain: bool, bounds: AlertSettings) -> None:
        self._notes: list[str] = []
        self._builtin: dict[str, ReadRule] = {}
        self._named: dict[str, ReadRule] | None = None
        if folder is not None:
            read = read_files([folder], bounds)
            self._named = sound(read, bounds.max_unindexed)
            self._notes += [f"{path}:{warning}" for path, warning in warnings_of(read)]
        elif local_chain:
            try:
                self._builtin = sound(read_files([BUILTIN], bounds), bounds.max_unindexed)
            except Fatal as error:  # no compiler for this platform, which is not a reason to have no pipeline
                self._notes.append(f"no built-in rules: {error}")

    def apply(self, settings: Settings, channels: set[str]) -> list[str]:
        """Put them in force; what is to be told of it. `channels` are those that are applied.

        Raises Transient or Fatal without Kafka, Permanent where the alert stage has no room for them.
        """
        before = topic.current(settings, RULE)
        wanted = self._builtin if self._named is None else self._named

        def write(changes: Mapping[str, str | None]) -> None:
            new = {own: wanted[own] for own, text in changes.items() if text is not None}
            gone: dict[str, str | None] = {
                f"{RULE}{own}": None for own, text in changes.items() if text is None
            }
            # What goes makes room.
            stays = {key: each for key, each in before.items() if key not in gone}
            topic.write(settings, gone | changes_of(settings, new, stays))

        carry_out(
            WrittenTexts(Path(settings.data_dir), "rules"),
            {own: each.text for own, each in self._builtin.items()},
            None if self._named is None else {own: each.text for own, each in self._named.items()},
            {key.removeprefix(RULE): each.value for key, each in before.items()},
            write,
        )
        return [*self._notes, *_undelivered(wanted, channels), _in_force(settings)]


def _in_force(settings: Settings) -> str:
    names = sorted(key.removeprefix(RULE) for key in topic.current(settings, RULE))
    return f"rules in force: {', '.join(names) or 'none'}"


def _undelivered(wanted: Mapping[str, ReadRule], channels: set[str]) -> list[str]:
    """What nobody will hear of."""
    told = []
    for own, each in wanted.items():
        missing = sorted(set(() if each.rule is None else each.rule.channels) - channels)
        if missing:
            told.append(f"rule {own}: nobody has applied channel {', '.join(missing)}: not delivered there")
    return told
