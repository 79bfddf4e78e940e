"""A cluster of dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headwater.errors import Fatal, Transient
from topics.cluster import Present


class FakeCluster:
    """Keeps topics in memory, and what was done to them in `done`."""

    def __init__(self, present: Mapping[str, Present] | None = None) -> None:
        self.present = dict(present or {})
        self.done: list[str] = []

    def topics(self, names: Sequence[str]) -> dict[str, Present]:
        return {name: self.present[name] for name in names if name in self.present}

    def create(self, name: str, partitions: int, replication: int, config: Mapping[str, str]) -> None:
        self.done.append(f"create {name} ×{replication}")
        self.present.setdefault(name, Present(partitions, dict(config), frozenset(config)))

    def alter(self, name: str, config: Mapping[str, str]) -> None:
        old = self._known(name, "alter")
        self.done.append(f"alter {name}")
        self.present[name] = Present(old.partitions, {**old.config, **config}, old.set_here | config.keys())

    def grow(self, name: str, partitions: int) -> None:
        old = self._known(name, "grow")
        if partitions <= old.partitions:
            raise Fatal(f"cannot grow topic {name}: it has {old.partitions} partitions")
        self.done.append(f"grow {name}")
        self.present[name] = Present(partitions, old.config, old.set_here)

    def settle(self, partitions: Mapping[str, int]) -> None:
        shown = {name: self.present[name].partitions for name in partitions if name in self.present}
        missing = [name for name, least in partitions.items() if shown.get(name, 0) < least]
        if missing:
            raise Transient(f"the cluster does not show: {', '.join(missing)}")

    def _known(self, name: str, verb: str) -> Present:
        if name not in self.present:
            raise Fatal(f"cannot {verb} topic {name}: there is none")
        return self.present[name]
