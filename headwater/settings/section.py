"""What every group of settings has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Numeral = Annotated[
    str, Field(coerce_numbers_to_str=True, json_schema_extra={"type": ["string", "integer"], "minimum": 0})
]
"""A word or a number: YAML's `start: 20000000` is a number, and nobody thinks of quotes."""


class Section(BaseModel):
    """A group of settings: immutable, unknown names refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
