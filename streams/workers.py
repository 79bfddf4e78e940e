"""What `headwater work` runs: the stage of a group, in a process of its own."""

from __future__ import annotations

import importlib

import uvloop

from headwater.settings import Settings
from schemas.registry import Registry
from schemas.wire import frame
from streams.runtime.process import StageProcess
from streams.stage import StageContext, StageSpec
from topics.groups import group_of


def stage_spec(name: str) -> StageSpec:
    """The stage of a group, imported only now. Raises Fatal naming the known groups."""
    group = group_of(name)
    return StageSpec(group, importlib.import_module(f"streams.agents.{group.name}").build)


def run_worker(settings: Settings, name: str) -> None:
    """Run a group until SIGTERM or SIGINT. Raises what stopped it otherwise: Fatal, or a bug's own error."""
    run_stage(settings, stage_spec(name))


def run_stage(settings: Settings, spec: StageSpec) -> None:
    """The same for a stage in hand."""
    ids = Registry(settings)
    context = StageContext(settings, spec.group, lambda stream: frame(ids.id_for(stream)))
    uvloop.run(StageProcess(settings, spec, context).run())
