"""What can be wrong with a record, on its way out (`WrongValue`) and on its way in (`MalformedRecord`)."""

from __future__ import annotations

from headwater.errors import Fatal, Permanent


class MalformedRecord(Permanent):
    """Bytes that are not a record of their schema.

    `offset` is the place in the given value (frame included) where decoding stopped, `field` the path of
    the field there, `schema_id` the id in the value's frame, None where the value has no frame. `index` is
    the value's place among those that were read together, None when it was read alone.
    """

    index: int | None = None

    def __init__(self, subject: str, schema_id: int | None, offset: int, field: str, reason: str) -> None:
        self.subject = subject
        self.schema_id = schema_id
        self.offset = offset
        self.field = field
        self.reason = reason
        written_by = "no schema id" if schema_id is None else f"schema id {schema_id}"
        where = f"field {field}" if field else "the whole value"
        super().__init__(f"{subject} ({written_by}): {reason} at byte {offset}, {where}")


class ForeignSchema(Permanent):
    """What a registry has under an id is no schema of ours; the message says what it is instead."""


class WrongValue(Permanent):
    """A value that its field cannot carry; `field` is its path within the record."""

    def __init__(self, subject: str, field: str, reason: str) -> None:
        self.subject = subject
        self.field = field
        self.reason = reason
        super().__init__(f"{subject}: field {field or '(record)'}: {reason}")


class IncompatibleSchema(Fatal):
    """A schema that readers of the subject could not follow: nothing may be written with it."""
