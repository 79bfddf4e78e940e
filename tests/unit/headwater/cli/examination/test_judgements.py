"""What is wrong is said with what to do; what is well is said too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from headwater.cli.examination import brokers, catalogue, machine, node, tables
from headwater.cli.examination.brokers import Cluster, Copies
from headwater.cli.examination.finding import Finding, Verdict, examined, exit_code
from headwater.cli.examination.node import Node
from headwater.errors import Fatal, Transient
from headwater.settings import Settings, load_settings
from tests.fakes.cluster import FakeCluster
from topics.admin import plan
from topics.catalog import topic_name, wanted
from topics.cluster import Present

WELL = Copies(1, 3, 3)
NODE = Node("http://node", 1, 100, 5.0, frozenset({"safe", "finalized"}))


def wrong(findings: Iterable[Finding]) -> list[str]:
    """What is wrong; asserts that each says what to do, and that something is said at all."""
    found = list(findings)
    assert found
    bad = [each for each in found if each.verdict is Verdict.WRONG]
    assert all(each.do for each in bad)
    return [each.what for each in bad]


@pytest.fixture
def settings() -> Settings:
    return load_settings({"chain": {"name": "c"}, "kafka": {"replication": 3}}, environ={})


def complete(settings: Settings) -> dict[str, Present]:
    return {
        name: Present(count, config, frozenset(config)) for name, (count, config) in wanted(settings).items()
    }


def test_three_brokers_with_all_copies_are_well() -> None:
    assert wrong(brokers.judged(Cluster((1, 2, 3), "", {"logs[0]": WELL}), 3)) == []


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (Cluster((1, 2), "", {}), "kafka.replication is 3, and there are 2 brokers"),
        (Cluster((1, 2, 3), "", {"logs[0]": Copies(None, 3, 3)}), "1 partitions have no leader: logs[0]"),
        (Cluster((1, 2, 3), "", {"logs[0]": Copies(1, 3, 2)}), "fewer copies in step than replicas: logs[0]"),
        (Cluster((1, 2, 3), "", {"logs[0]": Copies(1, 1, 1)}), "fewer than 3 replicas: logs[0]"),
    ],
)
def test_what_brokers_lack_is_named(cluster: Cluster, words: str) -> None:
    (summary,) = wrong(brokers.judged(cluster, 3))
    assert words in summary


def test_one_copy_on_three_brokers_is_noted_and_not_wrong() -> None:
    found = list(brokers.judged(Cluster((1, 2, 3), "", {}), 1))
    assert [each.verdict for each in found] == [Verdict.OK, Verdict.NOTE]


def test_topics_as_the_catalogue_says_are_well(settings: Settings) -> None:
    changes = plan(settings, cluster=FakeCluster(complete(settings)))
    assert wrong(catalogue.topics(changes, len(wanted(settings)))) == []


def test_topics_that_differ_are_named_each(settings: Settings) -> None:
    logs, blocks, heads = (topic_name(settings, each) for each in ("logs", "blocks", "heads"))
    present = complete(settings)
    present[logs] = Present(12, {**present[logs].config, "retention.ms": "1000"}, frozenset())
    present[heads] = Present(1, present[heads].config, present[heads].set_here | {"segment.ms"})
    present[heads] = Present(1, {**present[heads].config, "segment.ms": "5"}, present[heads].set_here)
    del present[blocks]
    found = list(catalogue.topics(plan(settings, cluster=FakeCluster(present)), len(wanted(settings))))
    assert {(each.verdict, each.what.split(":")[0]) for each in found} == {
        (Verdict.WRONG, logs),
        (Verdict.WRONG, f"{blocks} is not there"),
        (Verdict.NOTE, heads),
    }
    assert {each.do for each in found if each.verdict is Verdict.WRONG} == {"`headwater topics apply`"}


def test_an_empty_cluster_is_one_finding(settings: Settings) -> None:
    changes = plan(settings, cluster=FakeCluster())
    assert wrong(catalogue.topics(changes, len(wanted(settings)))) == ["none of the topics is there"]


def test_schemas() -> None:
    assert wrong(catalogue.schemas([], {}, 20)) == []
    (summary,) = wrong(catalogue.schemas(["a-value", "b-value", "c-value", "d-value"], {}, 20))
    assert summary.endswith("of a-value, b-value, c-value and 1 more")
    assert len(wrong(catalogue.schemas(["a-value"], {"a-value": ["READER_FIELD_MISSING"]}, 20))) == 2


def test_tables_and_room() -> None:
    assert wrong(tables.judged([], [], [])) == []
    assert wrong(tables.judged([], [], ["canonical.logs", "headwater.logs"])) == [
        "ClickHouse has not canonical.logs and 1 more, though the migration was applied that made it"
    ]
    assert wrong(tables.judged(["0011 x", "0012 y"], [], [])) == ["2 migrations are due, the first is 0011 x"]
    (newer,) = tables.judged([], ["0016 wider"], [])
    assert (newer.verdict, "newer version's" in newer.what) == (Verdict.OK, True)
    assert wrong([tables.room("d", 50, 100), tables.room("e", 9, 100)]) == ["e: 0.0 of 0.0 GB are free"]
    assert tables.room("gone", 0, 0).verdict is Verdict.WRONG


def test_a_node_at_the_head_of_its_chain_is_well() -> None:
    assert wrong(node.judged(NODE, chain_id=1, stale_seconds=30, needs_tags=True)) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Node("http://node", 5, 100, 5.0, NODE.tags), "is on chain 5, not on 1"),
        (Node("http://node", 1, 100, 90.0, NODE.tags), "block 100 is 90 s old"),
        (Node("http://node", 1, 100, 5.0, frozenset({"safe"})), "does not know the tags finalized"),
    ],
)
def test_what_a_node_lacks_is_named(found: Node, words: str) -> None:
    (summary,) = wrong(node.judged(found, chain_id=1, stale_seconds=30, needs_tags=True))
    assert words in summary


def test_a_chain_without_tags_needs_none_and_any_chain_is_right_where_none_is_set() -> None:
    found = Node("http://node", 5, 100, 5.0, frozenset())
    assert wrong(node.judged(found, chain_id=None, stale_seconds=30, needs_tags=False)) == []


@pytest.mark.parametrize(
    ("theirs", "way"), [(1_000, "ahead of"), (9_000, "behind"), (4_000, ""), (5_500, "")]
)
def test_clocks_are_apart_only_where_no_way_there_explains_it(theirs: int, way: str) -> None:
    found = machine.skew("ClickHouse", 4_000, 5_000, theirs)
    assert (found.verdict is Verdict.WRONG) == bool(way)
    assert way in found.what


def test_a_head_ahead_of_our_clock_is_the_clocks_fault() -> None:
    assert list(machine.head_is_early("http://node", -10, 15)) == []
    assert len(wrong(machine.head_is_early("http://node", -60, 15))) == 1


def test_a_service_that_is_away_is_unknown_and_one_that_refuses_is_wrong() -> None:
    def away() -> Iterator[Finding]:
        yield from ()
        raise Transient("Kafka does not answer")

    def refuses() -> Iterator[Finding]:
        yield Finding("x", Verdict.OK, "so far")
        raise Fatal("refuses user a", remedy="correct it")

    unknown, bad = list(examined("x", away)), list(examined("x", refuses))
    assert [each.verdict for each in unknown] == [Verdict.UNKNOWN]
    assert unknown[0].do
    assert bad[1] == Finding("x", Verdict.WRONG, "refuses user a", "correct it")
    assert (exit_code([]), exit_code(unknown), exit_code(bad), exit_code(unknown + bad)) == (0, 3, 1, 1)


def test_a_chain_without_a_node_is_noted(settings: Settings) -> None:
    assert [each.verdict for each in machine.settings(settings)] == [Verdict.NOTE, Verdict.OK]
