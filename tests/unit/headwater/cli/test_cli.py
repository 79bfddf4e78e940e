"""The command line as a whole: help without loading, completion, known failures in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from headwater import __version__
from headwater.cli import COMMANDS, YOUNG_OBJECTS, build


def test_help_names_every_command_and_loads_none() -> None:
    code = (
        "import sys; from headwater.cli import build; from typer.testing import CliRunner; "
        "print(CliRunner().invoke(build(['--help']), ['--help']).output); "
        "assert not {'confluent_kafka', 'chdb', 'faust'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_the_version_is_printed_without_a_command() -> None:
    done = CliRunner().invoke(build(["--version"]), ["--version"])
    assert (done.exit_code, done.output.strip()) == (0, __version__)


@pytest.mark.parametrize(
    "environ",
    [
        {"_HEADWATER_COMPLETE": "complete_bash", "COMP_WORDS": "headwater topics ", "COMP_CWORD": "2"},
        {"_HEADWATER_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "headwater topics "},
    ],
    ids=["bash", "zsh"],
)
def test_a_shell_completes_the_commands_of_a_group(environ: dict[str, str]) -> None:
    program = [
        sys.executable,
        "-c",
        "import sys; sys.argv[0] = 'headwater'; from headwater.cli import main; main()",
    ]
    done = subprocess.run(program, capture_output=True, text=True, env=environ, check=False)
    assert {"list", "plan", "apply", "tail", "export"} <= set(
        done.stdout.replace('"', " ").replace(":", " ").split()
    )


def test_modules_are_loaded_without_a_look_for_cycles_every_few_hundred_objects() -> None:
    code = (
        "import gc, headwater.cli as cli\n"
        "cli.build = lambda words: lambda: print(gc.get_threshold()[0])\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == YOUNG_OBJECTS


def test_a_known_failure_ends_the_process_without_the_exit_handlers_of_c() -> None:
    """OpenSSL's frees what threads of Kafka clients may still use. Python's own handlers run as ever."""
    code = (
        "import atexit, ctypes, headwater.cli as cli; from headwater.errors import Fatal\n"
        "def command():\n"
        "    atexit.register(print, 'tidied up')\n"
        "    c = ctypes.CDLL(None); c.__cxa_atexit(c.abort, None, None)\n"
        "    raise Fatal('the broker refuses us', remedy='ask it why')\n"
        "cli.build = lambda words: command; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "tidied up\n")
    assert done.stderr == "headwater: the broker refuses us; ask it why\n"


def test_a_known_failure_is_one_line_with_the_remedy() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "settings"],
        capture_output=True,
        text=True,
        env={"HEADWATER_LOGLEVEL": "x"},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "headwater: unknown setting HEADWATER_LOGLEVEL (environment); did you mean HEADWATER_LOG_LEVEL?"
    ]
