"""What is wrong with an answer."""

from __future__ import annotations

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for text that is not JSON of the expected shape: bytes that are not UTF-8 and
nesting without end included."""


class AnswerError(ValueError):
    """An answer that is not a block, or not of this block; names the field by its path within the answer."""
