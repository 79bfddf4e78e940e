"""What people say of tokens, from the command to the views, on the real stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.migrations.template import view_database
from connectors.tokens import topic
from connectors.tokens.description import Token
from headwater.errors import Transient
from headwater.settings import Settings, environment, load_settings
from schemas import codec_for
from schemas.registry import register_all
from tests.integration.command_process import CommandProcess
from tests.integration.waiting import until
from tests.integration.worker_process import messages
from topics import admin

pytestmark = pytest.mark.integration
GOLD, LEAD = "0x" + "aa" * 20, "0x" + "bb" * 20
CHAINS = {"one": 31337, "ten": 10}
Run = Callable[..., str]


def of_chain(settings: Settings, name: str) -> Settings:
    """Settings of another chain in the same Kafka and database, with its topics and schemas."""
    own = load_settings(
        {**settings.model_dump(), "chain": {"name": name, "chain_id": CHAINS[name]}}, environ={}
    )
    admin.apply(own)
    register_all(own)
    return own


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a command to its end and returns what it printed, or with `stays` leaves it running."""
    processes: list[CommandProcess] = []

    def start(settings: Settings, *words: str, stays: bool = False) -> str:
        log = tmp_path / f"command-{len(processes)}.log"
        process = CommandProcess(environment(settings), log, words)
        processes.append(process)
        if stays:
            return ""
        assert process.exit_code(60) == 0, process.logged()
        return process.logged()

    yield start
    for process in processes:
        process.end()


def published(settings: Settings) -> list[Mapping[str, object]]:
    """All records that were committed."""
    return [codec_for(topic.STREAM).read(each.value or b"", 5) for each in messages(settings, topic.STREAM)]


def test_what_is_said_of_tokens_reaches_the_views_of_its_chain(
    settings: Settings, run: Run, tmp_path: Path
) -> None:
    one, ten = of_chain(settings, "one"), of_chain(settings, "ten")
    client = connect(settings.clickhouse)
    migrate(client, settings, None)
    views = view_database("canonical", settings.clickhouse.database)

    def shown() -> list[tuple[int, str, str, int]]:
        query = f"SELECT chain_id, token_address, symbol, decimals FROM {views}.tokens ORDER BY ALL"
        return [tuple(row) for row in client.query(query).result_rows]  # type: ignore[misc]

    file = tmp_path / "t.yaml"
    file.write_text(
        f'- {{address: "{GOLD}", symbol: GLD, decimals: 6}}\n- {{address: "{LEAD}", decimals: 0}}\n'
    )
    assert "2 new or changed" in run(one, "tokens", "apply", str(file))
    for own in (one, ten):
        run(own, "sink", stays=True)
    both = [(31337, GOLD, "GLD", 6), (31337, LEAD, "", 0)]
    until(lambda: shown() == both, "both tokens are in the view", 60)

    file.write_text(f'- {{address: "{GOLD}", symbol: GLD, decimals: 18}}\n')
    assert "1 new or changed, 0 taken out" in run(ten, "tokens", "apply", str(file))
    assert "1 new or changed, 1 taken out" in run(one, "tokens", "apply", str(file))
    changed = [(10, GOLD, "GLD", 18), (31337, GOLD, "GLD", 18)]
    until(lambda: shown() == changed, "decimals changed, lead is taken out, the chains are apart", 60)
    assert "decimals: 18" in run(one, "tokens", "show")

    run(one, "tokens", "remove", GOLD)
    until(lambda: shown() == changed[:1], "gold is taken out", 60)
    assert run(one, "tokens", "show") == "[]\n"
    client.close()


def test_versions_ascend_whatever_the_clocks_say(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own = of_chain(settings, "one")
    for now, change in (
        (2_000, Token(GOLD, 6)),
        (1_000, Token(GOLD, 7)),
        (1_000, None),
        (500, Token(GOLD, 8)),
    ):
        monkeypatch.setattr("headwater.clock.now_ms", lambda now=now: now)
        topic.revise(own, 31337, lambda _, change=change: {GOLD: change})  # type: ignore[misc]
    assert [(each["version"], each["decimals"], each["removed"]) for each in published(own)] == [
        (2_000, 6, False),
        (2_001, 7, False),
        (2_002, 7, True),
        (2_003, 8, False),
    ]
    assert topic.current(own) == {GOLD: Token(GOLD, 8)}
    before = len(published(own))
    assert topic.revise(own, 31337, lambda standing: {}) == {}
    assert len(published(own)) == before


def test_of_two_writers_the_earlier_changes_nothing(settings: Settings) -> None:
    own = of_chain(settings, "one")

    def overtaken(standing: Mapping[str, Token]) -> Mapping[str, Token | None]:
        topic.revise(own, 31337, lambda _: {LEAD: Token(LEAD, 1)})
        return {GOLD: Token(GOLD, 6), LEAD: Token(LEAD, 2)}

    with pytest.raises(Transient, match=r"tokens\.v1 .*fenced.*nothing was changed, run the command again"):
        topic.revise(own, 31337, overtaken)
    assert topic.current(own) == {LEAD: Token(LEAD, 1)}
