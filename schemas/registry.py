"""The streams' schemas in the registry: ids cached, BACKWARD_TRANSITIVE set on every subject."""

from __future__ import annotations

import json
from collections.abc import Callable

from headwater.errors import Transient
from headwater.settings import Settings
from schemas.catalog import schema_of, streams
from schemas.client import RegistryClient
from schemas.codec.model import Schema
from schemas.errors import ForeignSchema, MalformedRecord
from schemas.naming import subject_of
from schemas.reader import StreamReader
from schemas.wholeness import lacks

COMPATIBILITY = "BACKWARD_TRANSITIVE"
_REMEDY = "restore its topic or its database; where only subjects are new, run `headwater schemas register`"


def canonical(schema: Schema) -> str:
    """The text that is registered: layout of the file does not make a version."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


class Registry:
    """Ids of our streams' schemas, and schemas of ids. Raises as `RegistryClient` does.

    Everything it learns is immutable in a registry, so it is asked once a process.
    """

    def __init__(self, settings: Settings, client: RegistryClient | None = None) -> None:
        self._settings = settings
        self._client = client or RegistryClient(settings.registry)
        self._ids: dict[str, int] = {}
        self._schemas: dict[int, Schema] = {}

    def subject(self, stream: str) -> str:
        """The stream's subject."""
        return subject_of(self._settings, stream)

    def id_for(self, stream: str) -> int:
        """The id under which our schema of the stream is written.

        Raises Transient where the registry does not have it. Never registers it: a registry that lost
        everything would give it an id that stands for another schema in messages written before.
        """
        if stream not in self._ids:
            subject = self.subject(stream)
            found = self._client.lookup(subject, canonical(schema_of(stream)))
            if found is None:
                raise Transient(
                    f"schema registry {self._client.url}: {subject} has not the schema of this version",
                    remedy=_REMEDY,
                )
            self._ids[stream] = found
        return self._ids[stream]

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema, registered now if need be, its subject held to BACKWARD_TRANSITIVE.

        Raises IncompatibleSchema when readers of the subject could not follow.
        """
        schema_id = self._client.register(subject, schema)
        self._client.require(subject, COMPATIBILITY)
        return schema_id

    def schema(self, schema_id: int) -> Schema | None:
        """A schema as parsed JSON, None when the registry is whole and does not know the id.

        Raises Transient when it does not know the id and lacks what it must have: it was emptied or restored.
        Raises ForeignSchema where the id stands for what is not an Avro schema.
        """
        if schema_id not in self._schemas:
            found = self._client.schema(schema_id)
            if found is None:
                self._require_whole(f"does not know schema id {schema_id}")
                return None
            self._schemas[schema_id] = found.schema()
        return self._schemas[schema_id]

    def schemas_of(self, stream: str) -> Callable[[int], Schema | None]:
        """`schema` for readers of a stream; raises MalformedRecord for an id of another record or team.

        Such an id raises Transient, too, while the registry is not whole: one that was emptied gives ids
        anew. A whole one is asked once about it: whoever sends one message of the kind may send a million.
        """
        current = _name(schema_of(stream))
        others: dict[int, Schema | ForeignSchema] = {}

        def schema(schema_id: int) -> Schema | None:
            if schema_id not in others:
                known = schema_id in self._schemas
                found: Schema | ForeignSchema | None
                try:
                    found = self.schema(schema_id)
                except ForeignSchema as error:
                    found = foreign = error
                else:
                    if found is None or _name(found) == current:
                        return found
                    foreign = ForeignSchema(_name(found) or "no record's schema")
                    if not known:
                        del self._schemas[schema_id]
                trouble = f"has {foreign.message} as schema id {schema_id}, which {stream} was written with"
                self._require_whole(trouble)
                # Avro reads a record of another namespace, and none of another name.
                others[schema_id] = found if _own(found, current) else foreign
            other = others[schema_id]
            if isinstance(other, ForeignSchema):
                reason = f"the registry has {other.message} under this id, not {current}"
                raise MalformedRecord(stream, schema_id, 1, "", reason)
            return other

        return schema

    def _require_whole(self, trouble: str) -> None:
        schemas = {self.subject(stream): canonical(schema_of(stream)) for stream in streams()}
        ids = {self.subject(stream): schema_id for stream, schema_id in self._ids.items()}
        for lack in lacks(self._client, schemas, ids, self._schemas):
            raise Transient(
                f"schema registry {self._client.url} {trouble}, and {lack}: it is not whole, so nothing is "
                "held against the records",
                remedy=_REMEDY,
            )

    def reader(self, stream: str) -> StreamReader:
        """A reader of the stream's values, of all versions of its schema."""
        return StreamReader(stream, self.schemas_of(stream))

    def incompatibilities(self, stream: str) -> list[str]:
        """Why the registry would not take our schema of the stream; nothing when it would, or has it.

        One that it has from before may not follow all that a newer version of Headwater has registered since.
        """
        subject, schema = self.subject(stream), canonical(schema_of(stream))
        reasons = self._client.compatible(subject, schema)
        return reasons if reasons and self._client.lookup(subject, schema) is None else []


def _name(schema: Schema) -> str:
    """A record's full name, whichever way it is written; "" of what is not a record."""
    if not isinstance(schema, dict):
        return ""
    name, space = str(schema.get("name", "")), str(schema.get("namespace", ""))
    return f"{space}.{name}" if space and "." not in name else name


def _own(schema: Schema | ForeignSchema, current: str) -> bool:
    """Has a schema the current one's name, its namespace apart?"""
    return not isinstance(schema, ForeignSchema) and (
        _name(schema).rpartition(".")[2] == current.rpartition(".")[2]
    )


def register_all(settings: Settings) -> dict[str, int]:
    """Register every stream's schema; subject → id. Raises Transient, Fatal or IncompatibleSchema."""
    registry = Registry(settings)
    return {
        registry.subject(stream): registry.register(registry.subject(stream), canonical(schema_of(stream)))
        for stream in streams()
    }
