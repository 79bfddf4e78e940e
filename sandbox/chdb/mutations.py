"""What a full disk leaves of a mutation: a file without a word, for which the engine does not start again."""

from pathlib import Path


def drop_empty(path: Path) -> list[Path]:
    """Remove the empty files of mutations below an engine's directory, before it starts; which they were.

    ClickHouse acknowledges an ALTER TABLE … DELETE whose file found no room, and at its next start expects
    "format version: 1" in it. An empty one holds no command, so nothing is lost with it.
    """
    empty = [each for each in path.glob("store/*/*/mutation_*.txt") if not each.stat().st_size]
    for each in empty:
        each.unlink()
    return empty
