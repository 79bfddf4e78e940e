"""Confluent's wire format: 0x00, the schema id as four bytes big-endian, then the Avro body."""

from __future__ import annotations

from schemas.errors import MalformedRecord

MAGIC = 0
HEADER_SIZE = 5
ID_BITS = 31
"""The frame has four bytes for an id; registries have positive numbers of 32 bits with a sign."""


def frame(schema_id: int) -> bytes:
    """The five bytes before a body. Raises ValueError for an id that does not fit."""
    if not is_id(schema_id):
        raise ValueError(f"{schema_id} is no schema id: it has more than {ID_BITS} bits, or a sign")
    return b"\x00" + schema_id.to_bytes(4, "big")


def schema_id_of(value: bytes, subject: str) -> int:
    """The schema id that a framed value names. Raises MalformedRecord where there is no frame."""
    if len(value) < HEADER_SIZE:
        raise MalformedRecord(subject, None, len(value), "", f"{len(value)} bytes are too few for a frame")
    if value[0] != MAGIC:
        raise MalformedRecord(subject, None, 0, "", f"first byte is 0x{value[0]:02x}, not 0x00")
    schema_id = int.from_bytes(value[1:HEADER_SIZE], "big")
    if not is_id(schema_id):
        raise MalformedRecord(
            subject, schema_id, 1, "", f"no registry gives an id of more than {ID_BITS} bits"
        )
    return schema_id


def is_id(number: int) -> bool:
    """True for a number that a registry can give."""
    return 0 <= number < 1 << ID_BITS
