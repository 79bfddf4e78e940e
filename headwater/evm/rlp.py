"""The encoding half of RLP (Yellow Paper, appendix B): all that hashing of headers needs."""

from collections.abc import Iterable


def encode_bytes(value: bytes) -> bytes:
    """Return the RLP of a byte string."""
    size = len(value)
    if size == 1 and value[0] < 0x80:
        return value
    if size < 56:
        return bytes((0x80 + size,)) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0xB7 + len(length),)) + length + value


def encode_int(value: int) -> bytes:
    """Return the RLP of a non-negative integer: its shortest big-endian bytes, zero as empty."""
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def encode_list(items: Iterable[bytes]) -> bytes:
    """Return the RLP of a list whose `items` are encoded already."""
    payload = b"".join(items)
    size = len(payload)
    if size < 56:
        return bytes((0xC0 + size,)) + payload
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0xF7 + len(length),)) + length + payload
