"""The records are those of the schemas, field by field."""

from __future__ import annotations

from connectors.evm.repair.request import BlockName, outcome_of, request_of
from schemas import codec_for
from tests.builders.repairs import BLOCK, published, refused, request


def test_a_request_is_a_record_of_repair_requests() -> None:
    codec = codec_for("repair-requests")
    assert tuple(request().record()) == codec.names
    assert request_of(codec.read(codec.write(request().record()))) == request()


def test_an_outcome_is_a_record_of_repairs() -> None:
    codec = codec_for("repairs")
    for outcome in (published(), refused()):
        record = outcome.record()
        assert set(record) == set(codec.names)
        assert outcome_of(codec.read(codec.write(record))) == outcome
    assert (published().published, published().refused) == (True, False)
    assert (refused().published, refused().refused) == (False, True)


def test_a_blocks_name_is_the_key_of_its_request() -> None:
    assert str(BLOCK) == f"44:0x{'44' * 32}"
    assert str(BlockName(1, 44, None)) == "44"
