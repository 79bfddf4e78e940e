"""Content encodings of requests and responses: the ones that clickhouse-connect and curl negotiate."""

import mmap
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import cramjam


class _Encoder(Protocol):
    def compress(self, data: bytes) -> object: ...
    def flush(self) -> object: ...
    def finish(self) -> object: ...


_ENCODERS: Final[dict[str, Callable[[], _Encoder]]] = {
    "lz4": cramjam.lz4.Compressor,
    "zstd": cramjam.zstd.Compressor,
    "gzip": cramjam.gzip.Compressor,
    "deflate": cramjam.zlib.Compressor,
}
_DECODERS: Final[dict[str, Callable[[bytes, memoryview], int]]] = {
    "lz4": cramjam.lz4.decompress_into,
    "zstd": cramjam.zstd.decompress_into,
    "br": cramjam.brotli.decompress_into,
}
_ZLIB: Final = frozenset({"gzip", "x-gzip", "deflate"})
_ZLIB_OR_GZIP: Final = 47
_FULL: Final = "failed to write whole buffer"


class UnknownEncoding(ValueError):  # noqa: N818 - the value is the encoding's name
    """A Content-Encoding that this server does not read."""


class TooLong(ValueError):  # noqa: N818 - the value is the limit
    """A body that unpacks to more than it may."""


def decode(data: bytes, encoding: str, limit: int) -> bytes:
    """Decompress a request's body to `limit` bytes at most: a few of them may stand for more than there is.

    Raises TooLong, UnknownEncoding, and ValueError when the bytes are not that.
    """
    if encoding in ("", "identity"):
        return data
    decoder = _DECODERS.get(encoding)
    if decoder is None and encoding not in _ZLIB:
        raise UnknownEncoding(encoding)
    try:
        return _inflated(data, limit) if decoder is None else _decoded(data, decoder, limit)
    except (zlib.error, cramjam.DecompressionError) as error:
        if str(error) == _FULL:
            raise TooLong(limit) from error
        raise ValueError(f"the body is not {encoding}: {error}") from error


def _decoded(data: bytes, decoder: Callable[[bytes, memoryview], int], limit: int) -> bytes:
    # Memory of the whole limit, which costs nothing until it is written: these decoders take no other bound.
    with mmap.mmap(-1, limit, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as room:
        with memoryview(room) as view:
            size = decoder(data, view)
        return room[:size]


def _inflated(data: bytes, limit: int) -> bytes:
    decoder = zlib.decompressobj(_ZLIB_OR_GZIP)
    plain = decoder.decompress(data, limit + 1)
    if len(plain) > limit:
        raise TooLong(limit)
    if not decoder.eof:
        raise zlib.error("incomplete or truncated stream")
    return plain


def chosen(accepted: str) -> str:
    """The first encoding of an Accept-Encoding header that this server writes, else empty."""
    offered = (
        part.split(";")[0].strip().lower() for part in accepted.split(",") if "q=0" not in part.split(";")
    )
    return next((name for name in offered if name in _ENCODERS), "")


def encoded(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Compress a stream of blocks, each flushed so that the reader gets it at once."""
    if not encoding:
        yield from blocks
        return
    encoder = _ENCODERS[encoding]()
    for block in blocks:
        encoder.compress(block)
        data = bytes(encoder.flush())  # type: ignore[call-overload]
        if data:
            yield data
    yield bytes(encoder.finish())  # type: ignore[call-overload]
