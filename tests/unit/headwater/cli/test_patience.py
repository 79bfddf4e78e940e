"""What is away is waited for, bounded and by name; what a driver raises is never a traceback."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from typer.testing import CliRunner
from urllib3.exceptions import ProtocolError

from connectors.clickhouse.client import answering
from connectors.evm.rpc.answers import NodeFailure
from headwater.cli import migrate
from headwater.cli.patience import SECONDS, patiently
from headwater.errors import Fatal, Transient
from headwater.settings import ClickHouseSettings, Settings
from sandbox.stack.prepare import migrate_tables

AWAY = Transient("Kafka b:9092 does not answer", remedy="see that it runs")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)


def test_what_comes_back_is_waited_for_and_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [AWAY, AWAY, None]

    def step() -> str:
        failure = answers.pop(0)
        if failure is not None:
            raise failure
        return "done"

    assert patiently(step) == "done"
    assert capsys.readouterr().err == "headwater: waiting: Kafka b:9092 does not answer\n"


@pytest.mark.parametrize("takes", [0.5, 20.0])
def test_what_stays_away_ends_with_the_remedy_within_a_minute(
    takes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a try is: sixteen of 20 s were more than five minutes, and a job's whole time."""
    now = 1_000.0
    monkeypatch.setattr("headwater.cli.patience.monotonic", lambda: now)

    def step() -> None:
        nonlocal now
        now += takes
        raise AWAY

    with pytest.raises(Transient, match="does not answer; see that it runs"):
        patiently(step)
    assert SECONDS < now - 1_000 <= 60


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("Error HTTPConnectionPool: Connection refused"),
        ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")),
        ConnectionResetError(104, "Connection reset by peer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_clickhouse_that_is_killed_while_tables_are_made_is_tried_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        def command(self, *_: object) -> None:
            raise error

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr("connectors.clickhouse.client.connect", lambda *_, **__: Client())
    with pytest.raises(Transient, match=r"ClickHouse at http://127\.0\.0\.1:8123 went away"):
        migrate_tables(Settings(), 1)


@pytest.mark.parametrize("code", [210, 236, 242, 285, 394, 999])
def test_a_server_that_stops_or_has_no_keeper_is_waited_for(code: int) -> None:
    error = DatabaseError(f"Code: {code}. DB::Exception: Shutdown is called for table")
    error.code = code
    with pytest.raises(Transient, match="went away: Code"), answering(ClickHouseSettings()):
        raise error


def test_a_statement_that_is_refused_is_not_tried_again() -> None:
    refused = DatabaseError("Code: 497. DB::Exception: Not enough privileges")
    refused.code = 497
    with pytest.raises(Fatal, match="refuses a statement: Code: 497"), answering(ClickHouseSettings()):
        raise refused


def test_a_node_that_is_away_is_waited_for_before_views_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The job ended with exit code 0 and made them never."""
    away = NodeFailure("http://node", "no answer", "timeout")
    answers: list[NodeFailure | int] = [away, away, 4_242]
    left_out: list[int | None] = []

    def ask(*_: object, **__: object) -> int:
        answer = answers.pop(0)
        if isinstance(answer, NodeFailure):
            raise answer
        return answer

    def migrated(settings: Settings, chain_id: int | None, *, dry_run: bool) -> tuple[tuple[()], tuple[()]]:
        left_out.append(chain_id)
        return (), ()

    monkeypatch.setattr(migrate, "ask", ask)
    monkeypatch.setattr(migrate, "_migrated", migrated)
    monkeypatch.setenv("HEADWATER_CHAIN__NAME", "ours")
    monkeypatch.setenv("HEADWATER_CHAIN__RPC", '["http://node"]')
    assert CliRunner().invoke(migrate.app, []).exit_code == 0
    assert left_out == [4_242]
