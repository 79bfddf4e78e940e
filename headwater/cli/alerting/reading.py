"""Rules as files have them: what is wrong with them, what is slow, and how many may be slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.cli.applying import read
from headwater.errors import Fatal, Permanent
from headwater.settings import AlertSettings, Settings
from streams.logic.alerts.compiling import Limits, Problem, ReadFile, ReadRule, compiler, read_file
from streams.logic.alerts.configuration import RULE, Adopted, Change, Configuration
from streams.logic.alerts.index import unindexed

Placed = tuple[Path, Problem]
_ENDINGS: Final = (".yaml", ".yml")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file that was read, sound or not."""

    path: Path
    file: ReadFile


def limits_of(bounds: AlertSettings) -> Limits:
    """What a condition may take, as the alert stage has it."""
    return Limits(elements=bounds.max_elements)


def read_files(paths: Sequence[Path], bounds: AlertSettings) -> list[RuleFile]:
    """Files, and those of directories. Raises Fatal where one cannot be read, or without the CEL compiler."""
    limits = limits_of(bounds)
    return [RuleFile(path, read_file(text_of(path), limits)) for path in files_of(paths)]


def problems_of(read: Sequence[RuleFile], max_unindexed: int) -> list[Placed]:
    """All that keeps these rules from being applied together, file by file."""
    own = [(each.path, problem) for each in read for problem in each.file.all_problems]
    return [*own, *_repeated(read), *_beyond(read, max_unindexed)]


def warnings_of(read: Iterable[RuleFile]) -> list[Placed]:
    """Of rules that work and are slow."""
    return [(each.path, one) for each in read for rule in each.file.rules for one in rule.warnings]


def sound(read: Sequence[RuleFile], max_unindexed: int) -> dict[str, ReadRule]:
    """Id → rule. Raises Permanent that names each problem by file, line and column."""
    problems = problems_of(read, max_unindexed)
    if problems:
        told = "; ".join(f"{path}:{problem}" for path, problem in problems[:_SHOWN])
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise Permanent(
            f"rules are refused: {told}{more}",
            remedy="mend the text and try again: `headwater rules validate` shows all that is wrong",
        )
    return {rule.id: rule for each in read for rule in each.file.rules}


def admit(settings: Settings, in_force: Iterable[tuple[int, str, str]], wanted: Sequence[ReadRule]) -> None:
    """Raises Permanent where the alert stage of the chain would have no room for these rules.

    `in_force`: offset, id and text of what stands on the topic.
    """
    if not any(each.rule is not None and unindexed(each.rule) for each in wanted):
        return
    compile_rule = compiler(limits_of(settings.alerts))
    stage = Configuration(settings.chain.name, compile_rule, settings.alerts.max_unindexed)
    for offset, own, text in sorted(in_force):
        try:
            _adopt(stage, Change(offset, f"{RULE}{own}", text))
        except Permanent:
            continue  # The stage refused it then as well: it takes no room.
    for each in wanted:
        _adopt(stage, Change(0, f"{RULE}{each.id}", each.text))


def _adopt(stage: Configuration, change: Change) -> None:
    stage.put(change.key, Adopted(change.offset, change.value or "", 0, 0), stage.admitted(change))


def _repeated(read: Sequence[RuleFile]) -> Iterator[Placed]:
    """Ids that two files have: the later one would take the place of the earlier."""
    owners: dict[str, Path] = {}
    for each in read:
        for rule in each.file.rules:
            owner = owners.setdefault(rule.id, each.path)
            if rule.id and owner is not each.path:
                yield each.path, Problem(1, 1, f"the id {rule.id!r} is in {owner} too")


def _beyond(read: Sequence[RuleFile], limit: int) -> Iterator[Placed]:
    """Rules that a chain's alert stage would refuse, since so many before them cannot be looked up."""
    rules = [(each.path, rule, rule.rule) for each in read for rule in each.file.rules]
    named = {chain for _, _, rule in rules if rule is not None for chain in rule.chains} or {"any"}
    numbers: Counter[str] = Counter()
    for path, rule, compiled in rules:
        if compiled is None or not unindexed(compiled):
            continue
        numbers.update(compiled.chains or named)
        if max(numbers[chain] for chain in compiled.chains or named) > limit:
            (warning, *_) = rule.warnings
            message = f"{limit} rules before this one are tried with every record: alerts.max_unindexed"
            yield path, Problem(warning.line, warning.column, message)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files, and those of the directories in order of their names. Raises Fatal where there are none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            own = sorted(each for each in path.iterdir() if each.suffix in _ENDINGS)
            if not own:
                raise Fatal(f"{path} has no file that ends in {' or '.join(_ENDINGS)}")
            found += own
        else:
            found.append(path)
    return found


def text_of(path: Path) -> str:
    """The text of a file, or of standard input. Raises Fatal."""
    try:
        return read(path)
    except OSError as error:
        raise Fatal(f"{path}: {error.strerror}", remedy="name files of rules, in YAML") from error
    except UnicodeDecodeError as error:
        raise Fatal(f"{path}: not UTF-8, at byte {error.start}", remedy="save the file as UTF-8") from error
