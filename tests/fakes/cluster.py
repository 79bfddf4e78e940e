"""A cluster of dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headwater.errors import Fatal, Transient
from topics.cluster import Present, Wanted


class FakeCluster:
    """Keeps topics in memory, and what was done to them in `done`."""

    def __init__(self, present: Mapping[str, Present] | None = None) -> None:
        self.present = dict(present or {})
        self.done: list[str] = []

    def topics(self, names: Sequence[str]) -> dict[str, Present]:
        return {name: self.present[name] for name in names if name in self.present}

    def create(self, topics: Sequence[Wanted], replication: int) -> None:
        for new in topics:
            self.done.append(f"create {new.name} ×{replication}")
            own = Present(new.partitions, dict(new.config), frozenset(new.config))
            self.present.setdefault(new.name, own)

    def alter(self, name: str, config: Mapping[str, str]) -> None:
        old = self._known(name, "alter")
        self.done.append(f"alter {name}")
        self.present[name] = Present(old.partitions, {**old.config, **config}, old.set_here | config.keys())

    def grow(self, name: str, partitions: int) -> None:
        old = self._known(name, "grow")
        if partitions == old.partitions:
            return
        if partitions < old.partitions:
            raise Fatal(f"cannot grow topic {name}: it has {old.partitions} partitions")
        self.done.append(f"grow {name}")
        self.present[name] = Present(partitions, old.config, old.set_here)

    def settle(self, topics: Sequence[Wanted]) -> None:
        found = self.topics([each.name for each in topics])
        missing = [each.name for each in topics if each.name not in found or not found[each.name].has(each)]
        if missing:
            raise Transient(f"the cluster does not show: {', '.join(missing)}")

    def _known(self, name: str, verb: str) -> Present:
        if name not in self.present:
            raise Fatal(f"cannot {verb} topic {name}: there is none")
        return self.present[name]
