"""Whether a registry is whole: before it is, an id that it does not know says nothing about the record.

A registry that was emptied, or restored from before the newest schemas, does not know ids of the backlog,
whose records are as good as ever. It is whole when it has each stream's schema as this version registers it,
and each id that this process has learned from it still means the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.client import RegistryClient
from schemas.codec.model import Schema
from schemas.errors import ForeignSchema


def lacks(
    client: RegistryClient,
    schemas: Mapping[str, str],
    ids: Mapping[str, int],
    learned: Mapping[int, Schema],
) -> Iterator[str]:
    """What the registry should have and has not; nothing when it is whole. Raises as `RegistryClient` does.

    `schemas` are the texts that its subjects must have, `ids` those under which some of them were registered,
    `learned` the schemas that it once gave for ids.
    """
    for subject, text in schemas.items():
        found = client.lookup(subject, text)
        if found is None:
            yield f"{subject} has not the schema of this version"
        elif ids.get(subject, found) != found:
            yield f"{subject} has its schema as {found}, not {ids[subject]} as before"
    for schema_id, schema in learned.items():
        now = client.schema(schema_id)
        try:
            if now is not None and now.schema() == schema:
                continue
        except ForeignSchema as error:
            yield f"schema id {schema_id} is {error.message}"
        else:
            yield f"schema id {schema_id} is {'gone' if now is None else 'another schema'}"
