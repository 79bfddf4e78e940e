"""Subjects in the schema registry: TopicNameStrategy, `<topic>-value`."""

from __future__ import annotations

from headwater.settings import Settings

MAJOR = 1
"""Of every stream so far. A stream's second major version is a topic, a subject and a schema of its own."""


def subject_of(settings: Settings, stream: str) -> str:
    """`[prefix.]<chain>.<stream>.v<major>-value`; a contract test holds it against the topics' names."""
    prefix = f"{settings.topic_prefix}." if settings.topic_prefix else ""
    return f"{prefix}{settings.chain.name}.{stream}.v{MAJOR}-value"
