"""What the local ClickHouse server takes as a request's body."""

from __future__ import annotations

import io
from email.message import Message

import cramjam
import pytest

from sandbox.chdb.failures import Failure
from sandbox.chdb.handler import Handler


def posted(body: bytes, encoding: str) -> Handler:
    """A handler that has read the request's head."""
    handler = Handler.__new__(Handler)
    handler.command, handler.path = "POST", "/"
    handler.headers = Message()  # type: ignore[assignment]
    handler.headers["Content-Length"] = str(len(body))
    handler.headers["Content-Encoding"] = encoding
    handler.rfile = io.BytesIO(body)  # type: ignore[assignment]
    return handler


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip"])
def test_a_writers_body_that_unpacks_to_more_than_a_body_may_have_is_refused(encoding: str) -> None:
    packed = bytes(getattr(cramjam, encoding).compress(bytes(1 << 20)))
    assert posted(packed, encoding)._body(1 << 20, plain=False) == bytes(1 << 20)
    with pytest.raises(Failure, match=r"longer than 1048575 bytes. \(QUERY_IS_TOO_LARGE\)") as refused:
        posted(packed, encoding)._body((1 << 20) - 1, plain=False)
    assert refused.value.status == 413
