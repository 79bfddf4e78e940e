"""Errors say what happened and what to do."""

from __future__ import annotations

from headwater.errors import Fatal, HeadwaterError, Permanent, Transient


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    assert (
        str(Fatal("the disk is full", remedy="free space on /data"))
        == "the disk is full; free space on /data"
    )
    assert str(Transient("no answer")) == "no answer"
    assert issubclass(Permanent, HeadwaterError)
