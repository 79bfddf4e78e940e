"""What a stage is made with in unit tests."""

from __future__ import annotations

from schemas import StreamReader


def unread(stream: str) -> StreamReader:
    """A reader of values of our own version, which asks no registry for any other."""
    return StreamReader(stream, lambda schema_id: None)
