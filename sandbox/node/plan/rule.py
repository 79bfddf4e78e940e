"""What every rule of a file says: which calls it is about, how many of them, and when."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Rule(BaseModel):
    """When a fault happens: to calls of `methods` (none: those that the kind is about), of which share, when.

    `start` and `end` are seconds since the node began to serve; `every` and `lasts` repeat: the first `lasts`
    seconds of each `every`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = ()
    probability: float = Field(1.0, ge=0, le=1)
    start: float = Field(0.0, ge=0)
    end: float | None = Field(None, gt=0)
    every: float | None = Field(None, gt=0)
    lasts: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _repeats_wholly(self) -> Rule:
        if (self.every is None) != (self.lasts is None):
            raise ValueError("`every` and `lasts` go together")
        return self

    def is_on(self, seconds: float) -> bool:
        """Whether it may happen so long after the start."""
        if seconds < self.start or (self.end is not None and seconds >= self.end):
            return False
        if self.every is None or self.lasts is None:
            return True
        return (seconds - self.start) % self.every < self.lasts
