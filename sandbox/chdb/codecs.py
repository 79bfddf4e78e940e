"""Content encodings of requests and responses: the ones that clickhouse-connect and curl negotiate."""

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
_DECODERS: Final[dict[str, Callable[[bytes], object]]] = {
    "lz4": cramjam.lz4.decompress,
    "zstd": cramjam.zstd.decompress,
    "br": cramjam.brotli.decompress,
    "gzip": lambda data: zlib.decompress(data, 47),
    "x-gzip": lambda data: zlib.decompress(data, 47),
    "deflate": lambda data: zlib.decompress(data, 47),
}


class UnknownEncoding(ValueError):  # noqa: N818 - the value is the encoding's name
    """A Content-Encoding that this server does not read."""


def decode(data: bytes, encoding: str) -> bytes:
    """Decompress a request's body. Raises UnknownEncoding, and ValueError when the bytes are not that."""
    if encoding in ("", "identity"):
        return data
    decoder = _DECODERS.get(encoding)
    if decoder is None:
        raise UnknownEncoding(encoding)
    try:
        plain = decoder(data)
        return plain if isinstance(plain, bytes) else bytes(plain)  # type: ignore[call-overload]
    except (zlib.error, cramjam.DecompressionError) as error:
        raise ValueError(f"the body is not {encoding}: {error}") from error


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
