"""What `plan` finds and `apply` does, on a cluster of dictionaries."""

from __future__ import annotations

import pytest

from headwater.settings import Settings, load_settings
from tests.fakes.cluster import FakeCluster
from topics.admin import Action, Change, apply, plan
from topics.catalog import wanted
from topics.cluster import Present


@pytest.fixture
def settings() -> Settings:
    return load_settings({"chain": {"name": "c"}, "kafka": {"replication": 3}}, environ={})


def _complete(settings: Settings) -> dict[str, Present]:
    return {
        name: Present(parts, config, frozenset(config)) for name, (parts, config) in wanted(settings).items()
    }


def test_an_empty_cluster_gets_everything_once(settings: Settings) -> None:
    cluster = FakeCluster({})
    apply(settings, cluster=cluster)
    assert sorted(cluster.done) == sorted(f"create {name} ×3" for name in wanted(settings))
    assert "create c.state-blocks-changelog ×3" in cluster.done
    assert "create c.enrich-__assignor-__leader ×3" in cluster.done
    assert plan(settings, cluster=cluster) == []


def _one(
    settings: Settings, name: str, present: Present, *, force: bool = False
) -> tuple[list[Change], list[str]]:
    cluster = FakeCluster(_complete(settings) | {name: present})
    return apply(settings, force=force, cluster=cluster), cluster.done


def test_growing_a_keyed_topic_is_refused_with_the_reason_unless_forced(settings: Settings) -> None:
    config = wanted(settings)["c.logs.v1"][1]
    changes, done = _one(settings, "c.logs.v1", Present(4, config))
    assert [(each.action, each.what) for each in changes] == [(Action.REFUSED, "4 → 12 partitions")]
    assert "keyed" in changes[0].reason
    assert "--force" in changes[0].reason
    assert done == []
    changes, done = _one(settings, "c.logs.v1", Present(4, config), force=True)
    assert [each.action for each in changes] == [Action.GROW]
    assert done == ["grow c.logs.v1"]


def test_growing_what_has_no_keyed_readers_needs_no_force(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions, config = wanted(settings)["c.dead-letters.v1"]
    more = wanted(settings) | {"c.dead-letters.v1": (partitions + 2, config)}
    monkeypatch.setattr("topics.admin.wanted", lambda _: more)
    changes, done = _one(settings, "c.dead-letters.v1", Present(partitions, config))
    assert [each.action for each in changes] == [Action.GROW]
    assert done == ["grow c.dead-letters.v1"]


def test_nothing_is_ever_shrunk_and_foreign_settings_stay(settings: Settings) -> None:
    config = wanted(settings)["c.blocks.v1"][1]
    present = Present(40, {**config, "segment.ms": "1"}, frozenset({*config, "segment.ms"}))
    changes, done = _one(settings, "c.blocks.v1", present)
    assert [(each.action, each.what) for each in changes] == [
        (Action.KEEP, "40 partitions, 4 in the catalogue"),
        (Action.KEEP, "segment.ms = 1"),
    ]
    assert done == []


@pytest.mark.parametrize(
    ("key", "there", "kept"),
    [
        ("retention.ms", "604800001", True),
        ("retention.ms", "-1", True),
        ("retention.ms", "604799999", False),
        ("max.message.bytes", "33554432", True),
        ("max.message.bytes", "1000", False),
        ("cleanup.policy", "compact", False),
    ],
    ids=["longer", "for-ever", "shorter", "larger", "smaller", "policy"],
)
def test_an_older_version_deletes_nothing_that_a_newer_one_keeps(
    settings: Settings, key: str, there: str, kept: bool
) -> None:
    """A shorter retention deletes at once, and what is larger than the limit is refused for good."""
    partitions, config = wanted(settings)["c.heads.v1"]
    present = Present(partitions, {**config, key: there}, frozenset(config))
    (change,), done = _one(settings, "c.heads.v1", present)
    assert change.action is (Action.KEEP if kept else Action.ALTER)
    assert bool(done) != kept


def test_no_limit_is_wider_than_any(settings: Settings) -> None:
    partitions, config = wanted(settings)["c.raw-blocks.v1"]
    assert config["retention.ms"] == "-1"
    present = Present(partitions, {**config, "retention.ms": "5"}, frozenset(config))
    (change,), _ = _one(settings, "c.raw-blocks.v1", present)
    assert change.action is Action.ALTER


def test_settings_that_differ_are_altered_and_only_those(settings: Settings) -> None:
    partitions, config = wanted(settings)["c.heads.v1"]
    present = Present(partitions, {**config, "retention.ms": "5"}, frozenset(config))
    changes, done = _one(settings, "c.heads.v1", present)
    assert [(each.what, each.config) for each in changes] == [
        ("retention.ms 5 → 604800000", (("retention.ms", "604800000"),))
    ]
    assert done == ["alter c.heads.v1"]
