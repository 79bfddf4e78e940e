"""What the reader may ask: what `readonly = 1` leaves open in an engine without users is refused here. Pure.

Statements are looked at as the engine writes them itself (`formatQuerySingleLine`), and that text is what
runs: comments, heredocs, odd quotes and escapes are gone, so that what is read here is what is meant there.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from sandbox.chdb.failures import Failure

LIMITS: Final[Mapping[str, str]] = {
    "max_execution_time": "60",
    "max_result_rows": "1000000",
    "max_result_bytes": str(1 << 30),
    "max_memory_usage": str(2 << 30),
    "max_ast_elements": "20000",
}
"""Settings of the reader's statements: seconds, rows, bytes of an answer, bytes of memory."""

MAX_STATEMENT_BYTES: Final = 1 << 20
# Settings that change how an answer is written, or make it cheaper.
_OWN_SETTINGS: Final = frozenset(
    {
        "output_format_json_quote_64bit_integers",
        "output_format_json_quote_decimals",
        "date_time_output_format",
        "max_threads",
        "max_block_size",
    }
)
_VERBS: Final = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "EXISTS", "EXPLAIN"})
# Table functions that make rows of their arguments alone; every other one reads a file or reaches out.
_MAKING_ROWS: Final = frozenset(
    name.lower()
    for name in (
        "numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateSeries", "primes",
        "generateRandom", "values", "null", "view", "viewIfPermitted", "viewExplain", "format",
    )
)  # fmt: skip
_READING_FILES: Final = frozenset({"file"})
# They take database and table as text, past the look at names: of the default database they tell which files
# there are. The first one asks other hosts, too.
_NAMING_TABLES: Final = frozenset(name.lower() for name in ("hasColumnInTable", "joinGet", "joinGetOrNull"))
_REFUSED: Final = _READING_FILES | _NAMING_TABLES
_ASKING_MODELS: Final = re.compile(r"(?:ai|AI)[A-Z][a-z]")
_TOKEN: Final = re.compile(
    r"'(?:[^'\\]|\\.)*'|\{[^{}]*:\s*(?P<parameter>\w+)[^{}]*\}"
    r"|`(?P<quoted>(?:[^`\\]|\\.)*)`|(?P<word>[A-Za-z_]\w*)|(?P<mark>[^\s\w])",
    re.DOTALL,
)


def allowed_settings(settings: Mapping[str, str]) -> None:
    """Raises Failure naming a setting that the reader may not change."""
    for name in settings:
        if name not in _OWN_SETTINGS:
            raise Failure(
                f"Code: 164. DB::Exception: Cannot modify '{name}' setting in readonly mode. (READONLY)"
            )


def database(asked: str, is_there: bool) -> str:
    """The database in which the reader's names are looked up; `is_there`: the engine has one of this name.

    Never the default one, where every unknown name would be a file's. Raises Failure for one that is not
    there letter for letter: what else leads to a database, the engine alone knows.
    """
    if asked in ("", "default"):
        return "system"
    if not is_there:
        raise Failure(f"Code: 81. DB::Exception: Database {asked} does not exist. (UNKNOWN_DATABASE)")
    return asked


def allowed(formatted: str, table_functions: Collection[str]) -> None:
    """Raises Failure saying what of a statement, as the engine formats it, the reader may not do.

    `table_functions` are the names of all that the engine has, in lower case.
    """
    tokens = [_named(found) for found in _TOKEN.finditer(formatted)]
    if not tokens or tokens[0].upper() not in _VERBS:
        raise _refused("statements other than queries")
    for token, after in zip(tokens, [*tokens[1:], ""], strict=True):
        name = token.strip("`").lower()
        if name in _REFUSED or _ASKING_MODELS.match(token.strip("`")):
            raise _refused(f"the function {name}")
        if after == "(" and name in table_functions and name not in _MAKING_ROWS:
            raise _refused(f"the table function {name}")
        # The engine's own default database takes every name that it does not know for a file's.
        if name == "default" and after == ".":
            raise _refused("the database default, whose tables may be files")
        if (token, after.upper()) in (("INTO", "OUTFILE"), ("INTO", "FUNCTION")):
            raise _refused("INTO OUTFILE and INTO FUNCTION")
        if token == "{Identifier}":
            raise _refused("parameters of type Identifier")


def _named(found: re.Match[str]) -> str:
    if found["parameter"]:
        return "{" + found["parameter"] + "}"
    if found["quoted"] is not None:
        return f"`{found['quoted']}`"
    return found["word"] or found["mark"] or "''"


def _refused(what: str) -> Failure:
    return Failure(
        f"Code: 497. DB::Exception: reader: Not enough privileges: {what} is not for the read-only user of "
        "the local stack. (ACCESS_DENIED)"
    )
