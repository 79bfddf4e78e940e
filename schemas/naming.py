"""Names of a chain's topics, groups and subjects: the only place that makes them.

Subjects follow the registry's TopicNameStrategy, `<topic>-value`.
"""

from __future__ import annotations

from typing import Final

from headwater.settings import Settings

MAJOR: Final = 1
"""Of every stream so far. A stream's second major version is a topic, a subject and a schema of its own."""


def name_of(settings: Settings, what: str) -> str:
    """`[prefix.]<chain>.<what>`: how everything of a chain begins in Kafka."""
    prefix = f"{settings.topic_prefix}." if settings.topic_prefix else ""
    return f"{prefix}{settings.chain.name}.{what}"


def versioned(stream: str) -> str:
    """`<stream>.v<major>`."""
    return f"{stream}.v{MAJOR}"


def topic_of(settings: Settings, stream: str) -> str:
    """The topic of a stream, whether the catalogue has it or not."""
    return name_of(settings, versioned(stream))


def subject_of(settings: Settings, stream: str) -> str:
    """The subject of a stream's values."""
    return f"{topic_of(settings, stream)}-value"
