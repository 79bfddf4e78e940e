"""The command line as a whole: help without loading, completion, known failures in one line."""

from __future__ import annotations

import subprocess
import sys
import weakref

import pytest
from typer.testing import CliRunner

from headwater import __version__
from headwater.cli import COMMANDS, build, main
from headwater.errors import Fatal


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


def test_what_a_failed_command_had_open_is_gone_when_the_process_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Kafka client whose threads outlive the interpreter takes the process down by SIGSEGV."""

    class Client:
        """Stands in a frame that the failure passes through, and in a cycle."""

        def __init__(self) -> None:
            self.itself = self

    alive: list[weakref.ref[Client]] = []

    def command() -> None:
        client = Client()
        alive.append(weakref.ref(client))
        raise Fatal("the broker refuses us", remedy="ask it why")

    monkeypatch.setattr("headwater.cli.build", lambda words: command)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert (left.value.__cause__, left.value.__context__) == (None, None)
    assert [each() for each in alive] == [None]
    assert capsys.readouterr().err == "headwater: the broker refuses us; ask it why\n"


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
