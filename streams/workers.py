"""What `headwater work` runs: the stage of a group, in a process of its own."""

from __future__ import annotations

import uvloop

from headwater.settings import Settings
from streams.agents import stage_context, stage_spec
from streams.runtime.process import StageProcess
from streams.stage import StageSpec


def run_worker(settings: Settings, name: str) -> None:
    """Run a group until SIGTERM or SIGINT. Raises what stopped it otherwise: Fatal, or a bug's own error."""
    run_stage(settings, stage_spec(name))


def run_stage(settings: Settings, spec: StageSpec) -> None:
    """The same for a stage in hand."""
    uvloop.run(StageProcess(settings, spec, stage_context(settings, spec.group)).run())
