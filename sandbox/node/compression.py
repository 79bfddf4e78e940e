"""Bodies that are small on the wire and large when they are read."""

from __future__ import annotations

import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = b" " * (1 << 20)


def compressed(body: bytes, padding: int) -> bytes:
    """The body and `padding` bytes of white space, as one gzip stream (RFC 1952): a thousandth of them."""
    stream = zlib.compressobj(wbits=_GZIP)
    pieces = [stream.compress(body)]
    whole, rest = divmod(padding, len(_PIECE))
    pieces += [stream.compress(_PIECE) for _ in range(whole)]
    pieces += [stream.compress(_PIECE[:rest]), stream.flush()]
    return b"".join(pieces)
