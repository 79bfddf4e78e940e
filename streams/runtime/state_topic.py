"""Reads a group's state topic: what its stage had decided when its last transaction was committed.

The topic is compacted and has one partition. Its only writer is the group, in the transactions of its public
messages, so that state and messages are of the same moment whenever a worker dies. Faust knows nothing of it.
"""

from __future__ import annotations

from typing import cast

from headwater import kafka
from headwater.settings import Settings
from topics.catalog import topic_name


def committed_state(settings: Settings, stream: str) -> dict[bytes, bytes]:
    """Key → latest committed value of a state topic, without what was deleted.

    To be called once the transactions of an earlier owner are fenced: what it had begun is aborted by then.
    Raises Transient when the broker does not answer.
    """
    topic = topic_name(settings, stream)
    client = kafka.reader(settings)
    try:
        low, high = kafka.watermarks(client, topic)
        entries: dict[bytes, bytes] = {}
        for message in kafka.read_range(client, topic, low, high):
            key, value = cast(bytes, message.key()), message.value()
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        return entries
    finally:
        client.close()
