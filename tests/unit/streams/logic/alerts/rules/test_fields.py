"""Conditions know the fields of the Avro records by their own names."""

from __future__ import annotations

import pytest

from schemas import codec_for
from streams.logic.alerts.cel import ScalarType, Type
from streams.logic.alerts.rule import Match
from streams.logic.alerts.rules import fields_of
from streams.logic.alerts.rules.fields import STREAMS, untyped


@pytest.mark.parametrize("match", STREAMS)
def test_every_field_is_typed_or_named_as_one_that_is_not(match: Match) -> None:
    names = {each.name for stream in STREAMS[match] for each in codec_for(stream).record.fields}
    known = set(fields_of(match)) - {"statistic"}
    assert known | untyped(match) == names
    assert not known & untyped(match)


def test_types() -> None:
    assert untyped(Match.TOKEN_TRANSFER) == {"amount"}
    assert untyped(Match.TRANSACTION) == {"access_list", "authorization_list"}
    transfer, log = fields_of(Match.TOKEN_TRANSFER), fields_of(Match.LOG)
    assert transfer["value"] == Type(ScalarType.INT)
    assert transfer["token_address"] == Type(ScalarType.STRING, size=42)
    assert transfer["token_id"] == Type(ScalarType.INT, nullable=True)
    assert transfer["token_standard"].symbols == ("UNKNOWN", "ERC20", "ERC721", "ERC1155")
    assert log["topics"] == Type(ScalarType.STRING, list=True, size=66, longest=4)
    assert log["block_timestamp"] == Type(ScalarType.INT)
    assert fields_of(Match.TRANSACTION_STATE)["evidence"] == Type(ScalarType.STRING, list=True)
    assert fields_of(Match.REORG)["depth"] == Type(ScalarType.INT)
    assert fields_of(Match.STAT)["transfer_count"].nullable
    assert not fields_of(Match.STAT)["window_start"].nullable
