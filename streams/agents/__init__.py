"""The stages: thin shells that read, call pure logic and say what to write; one module for each group
of `topics.groups`.

Read it in this order: `normalize`, `enrich` (each block on its way), then `state`, `aggregate` and
`alert` (what follows from blocks).

A stage knows nothing of what hosts it: whoever has its spec, its context and messages in order can run
it.
"""

from __future__ import annotations

import importlib

from headwater.settings import Settings
from schemas.registry import Registry
from schemas.wire import frame
from streams.stage import StageContext, StageSpec
from topics.groups import Group, group_of


def stage_spec(name: str) -> StageSpec:
    """The stage of a group, imported only now. Raises Fatal naming the known groups."""
    group = group_of(name)
    return StageSpec(group, importlib.import_module(f"streams.agents.{group.name}").build)


def stage_context(settings: Settings, group: Group) -> StageContext:
    """What a group's stage is made with. The schema registry is asked for a frame when it is first needed."""
    registry = Registry(settings)
    return StageContext(settings, group, lambda stream: frame(registry.id_for(stream)), registry.reader)
