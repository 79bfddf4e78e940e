"""What an HTTP answer of a node means, and what failover does with it."""

from __future__ import annotations

import random

import pytest

from connectors.evm.pool.connect import connect
from connectors.evm.rpc.answers import (
    BatchTooLarge,
    HttpAnswer,
    NoBatches,
    NodeFailure,
    Unsupported,
    json_array,
    result_of,
    results_of,
    retry_after_seconds,
)
from headwater.errors import Fatal
from headwater.retry import Backoff
from headwater.settings import load_settings


def test_a_result_is_the_nodes_own_bytes() -> None:
    raw = b'{"hash": "0x01",  "odd":[1.50,null],"name":"\\u00e9"}'
    body = b'{"id":0,"jsonrpc":"2.0","result":' + raw + b"}\n"
    assert bytes(result_of("node", "eth_x", HttpAnswer(200, body))) == raw


@pytest.mark.parametrize(
    "id", ["6", '"7x"', "true", "[7]", "7.5"], ids=["number", "text", "bool", "list", "float"]
)
def test_a_result_of_another_call_is_a_bad_answer(id: str) -> None:
    body = b'{"id":' + id.encode() + b',"result":"0x1"}'
    with pytest.raises(NodeFailure, match=r"eth_x: the answer to another call, .* and not 7") as failure:
        result_of("node", "eth_x", HttpAnswer(200, body), id=7)
    assert failure.value.outcome == "broken"


@pytest.mark.parametrize("before", [0, 35, 155], ids=["whole", "early", "cut"])
def test_a_key_in_an_id_is_not_told(before: int) -> None:
    body = b'{"id":"' + b"x" * before + b'key-of-somebody","result":1}'
    with pytest.raises(NodeFailure, match="the answer to another call") as failure:
        result_of("node", "eth_x", HttpAnswer(200, body), ["key-of-somebody"], id=7)
    assert "key-of" not in str(failure.value)


@pytest.mark.parametrize(
    "id",
    ['"id":7,', '"id":"7",', '"id":7.0,', '"id":null,', ""],
    ids=["number", "text", "float", "null", "none"],
)
def test_an_id_may_be_written_otherwise_or_left_out(id: str) -> None:
    body = b"{" + id.encode() + b'"result":"0x1"}'
    assert bytes(result_of("node", "eth_x", HttpAnswer(200, body), id=7)) == b'"0x1"'


def test_an_error_counts_whatever_its_id() -> None:
    with pytest.raises(NodeFailure, match="slow down") as failure:
        result_of("node", "eth_x", HttpAnswer(200, b'{"id":1,"error":{"message":"slow down"}}'), id=7)
    assert failure.value.outcome == "throttled"


def test_a_batch_comes_back_in_the_order_of_the_calls() -> None:
    body = b'[{"id":2,"result":"b"},{"id":1,"result":{"a":1}}]'
    found = results_of("node", "eth_x", HttpAnswer(200, body), 2)
    assert json_array(found) == b'[{"a":1},"b"]'
    with pytest.raises(NodeFailure, match="1 of 3 answers are missing"):
        results_of("node", "eth_x", HttpAnswer(200, body), 3)
    with pytest.raises(NodeFailure, match="one answer to a batch"):
        results_of("node", "eth_x", HttpAnswer(200, b'{"id":null,"result":1}'), 2)


@pytest.mark.parametrize(
    "body",
    [
        '{"id":null,"error":{"code":-32000,"message":"batch limit 2 exceeded"}}',
        '[{"id":1,"error":{"code":-32600,"message":"batch too large"}}]',
        '[{"id":null,"error":{"code":-32005,"message":"batch limit exceeded"}}]',
        '[{"id":1,"result":1},{"id":2,"error":{"code":-32003,"message":"response too large"}},'
        '{"id":3,"error":{"code":-32003,"message":"response too large"}}]',
        '{"message":"Batch of more than 3 requests are not allowed on free plan","code":31}',
        '{"error":{"code":-32603,"message":"Internal error","data":"Exceeded max limit of 2 in a batch"}}',
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403, 429, 500, 503])
def test_a_batch_above_a_limit_is_to_be_smaller_however_that_is_said(body: str, status: int) -> None:
    with pytest.raises(BatchTooLarge):
        results_of("node", "eth_x", HttpAnswer(status, body.encode()), 3)


@pytest.mark.parametrize("body", [b'[{"id":1,"result":1},{"id":3,"result":1}]', b"[]"])
def test_answers_that_are_left_out_are_a_batch_above_a_limit(body: bytes) -> None:
    with pytest.raises(BatchTooLarge, match=r"[13] of 3 answers are missing"):
        results_of("node", "eth_x", HttpAnswer(200, body), 3)


def test_a_body_that_is_too_large_is_a_batch_above_a_limit() -> None:
    with pytest.raises(BatchTooLarge, match="HTTP 413 for a batch of 3"):
        results_of("node", "eth_x", HttpAnswer(413, b"<html>Request Entity Too Large"), 3)


@pytest.mark.parametrize(
    "error",
    [
        '{"code":-32600,"message":"batches are disabled"}',
        '{"code":-32000,"message":"batch requests are not supported"}',
        '{"code":-32005,"message":"Batched requests are not supported by this server"}',
        '{"code":-32601,"message":"Method not found"}',
        '{"code":-32700,"message":"Parse error"}',
        '{"code":-32603,"message":"Internal error"}',
    ],
)
@pytest.mark.parametrize("form", ['{"id":null,"error":%s}', '[{"id":null,"error":%s}]', "%s"])
def test_a_batch_refused_as_a_whole_is_asked_call_by_call(error: str, form: str) -> None:
    with pytest.raises(NoBatches, match="one answer to a batch of 3"):
        results_of("node", "eth_x", HttpAnswer(200, (form % error).encode()), 3)


@pytest.mark.parametrize("form", ['{"id":null,"error":%s}', '[{"id":1,"error":%s}]'])
def test_a_batch_that_comes_too_soon_is_waited_for(form: str) -> None:
    body = form % '{"code":-32012,"message":"credits limited to 6000/sec"}'
    with pytest.raises(NodeFailure) as failure:
        results_of("node", "eth_x", HttpAnswer(200, body.encode()), 3)
    assert failure.value.outcome == "throttled"
    assert not isinstance(failure.value, NoBatches | BatchTooLarge)


@pytest.mark.parametrize(
    "error",
    [
        '{"code":-32603,"message":"Internal error","data":"too many requests"}',
        '{"code":-32603,"message":"Internal error","data":{"reason":"too many requests"}}',
        '{"code":-32000.5,"message":"too many requests"}',
        '{"code":{},"message":{"text":"too many requests"}}',
        '{"reason":"too many requests"}',
        '[{"code":1,"message":"too many requests"}]',
        '"too many requests"',
    ],
)
def test_an_error_is_read_whatever_its_type(error: str) -> None:
    with pytest.raises(NodeFailure, match="too many requests") as failure:
        result_of("node", "eth_x", HttpAnswer(200, f'{{"id":0,"error":{error}}}'.encode()))
    assert failure.value.outcome == "throttled"


@pytest.mark.parametrize("depth", [100, 900, 100_000])
def test_an_error_that_is_nested_without_end_is_a_bad_answer(depth: int) -> None:
    error = "[" * depth + "]" * depth
    for body in (f'{{"id":0,"error":{error}}}', f'{{"id":0,"error":{{"message":{error},"data":{error}}}}}'):
        with pytest.raises(NodeFailure):
            result_of("node", "eth_x", HttpAnswer(200, body.encode()))
        for batch in (body, f"[{body}]", f'[{{"id":{error}}}]', f'[{body},{{"id":1,"result":1}}]'):
            with pytest.raises(NodeFailure):
                results_of("node", "eth_x", HttpAnswer(200, batch.encode()), 2)


@pytest.mark.parametrize("error", ['""', "{}", "false", "null", "0", "[]"])
def test_an_empty_error_beside_a_result_is_none(error: str) -> None:
    body = f'{{"id":0,"result":"0x1","error":{error}}}'.encode()
    assert bytes(result_of("node", "eth_x", HttpAnswer(200, body))) == b'"0x1"'


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (503, '{"code":-32005,"message":"too many requests"}', "throttled"),
        (500, '{"code":4444,"message":"pruned history unavailable"}', "pruned"),
        (500, '{"code":-32000,"message":"header not found"}', "null"),
        (500, '{"code":-32601,"message":"method not found"}', "http"),
        (502, '{"code":-32603,"message":"Internal error"}', "http"),
        (403, '{"code":-32005,"message":"too many requests"}', "throttled"),
        (402, '{"code":-32000,"message":"batch limit exceeded"}', "throttled"),
    ],
)
def test_an_http_error_says_what_its_body_says(status: int, error: str, outcome: str) -> None:
    for body in (f'{{"id":0,"error":{error}}}', f'[{{"id":0,"error":{error}}}]'):
        with pytest.raises(NodeFailure) as failure:
            result_of("node", "eth_x", HttpAnswer(status, body.encode(), "7"))
        assert failure.value.outcome == outcome
        if outcome in ("throttled", "http"):
            assert failure.value.retry_after == 7.0


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"id":0,"error":{"code":-32000,"message":"no credits left"}}']
)
@pytest.mark.parametrize("asked", [None, "90", "1"])
def test_an_endpoint_that_wants_to_be_paid_is_left_alone_and_named(body: bytes, asked: str | None) -> None:
    for status, answer in ((402, body), (200, b'{"id":0,"error":{"code":1,"message":"payment required"}}')):
        with pytest.raises(
            NodeFailure, match=r"http://n: .*wants to be paid.*HEADWATER_CHAIN__RPC"
        ) as failure:
            result_of("http://n", "eth_x", HttpAnswer(status, answer, asked))
        assert failure.value.outcome == "throttled"
        assert failure.value.retry_after == (90.0 if (status, asked) == (402, "90") else 60.0)
        if status == 402 and not body.startswith(b"{"):
            with pytest.raises(NodeFailure, match="wants to be paid"):
                results_of("http://n", "eth_x", HttpAnswer(status, answer, asked), 3)


def test_a_method_that_is_sold_apart_is_not_there_whatever_the_status() -> None:
    error = b'{"id":0,"error":{"code":-32000,"message":"trace_block requires a paid plan"}}'
    for status in (200, 402, 403):
        with pytest.raises(Unsupported):
            result_of("node", "trace_block", HttpAnswer(status, error))


@pytest.mark.parametrize(
    ("answer", "outcome", "says"),
    [
        (HttpAnswer(200, b'{"id":0,"result":{"a":'), "broken", "broken JSON in 22 bytes"),
        (HttpAnswer(200, b"<html>busy</html>"), "html", "HTML where JSON was due"),
        (HttpAnswer(200, b""), "broken", "an empty answer"),
        (HttpAnswer(200, b'{"id":0}'), "broken", "without result and error"),
        (HttpAnswer(429, b"slow down", "7"), "throttled", "HTTP 429"),
        (HttpAnswer(502, b"<html>"), "http", "HTTP 502"),
        (HttpAnswer(401, b"no"), "http", "is the key in its address right"),
        (HttpAnswer(200, b'{"id":0,"error":{"code":-32005,"message":"x"}}'), "throttled", "-32005"),
        (
            HttpAnswer(200, b'{"id":0,"error":{"code":-32000,"message":"missing trie node"}}'),
            "error",
            "missing trie node",
        ),
        (
            HttpAnswer(400, b'{"id":0,"error":{"code":-32000,"message":"try again"}}'),
            "error",
            "try again",
        ),
    ],
)
def test_a_bad_answer_is_named_and_may_pass(answer: HttpAnswer, outcome: str, says: str) -> None:
    with pytest.raises(NodeFailure, match=says) as failure:
        result_of("https://host/***", "eth_x", answer)
    assert failure.value.outcome == outcome
    assert str(failure.value).startswith("https://host/***: eth_x: ")
    assert failure.value.retry_after == (7.0 if answer.retry_after else 0.0)


@pytest.mark.parametrize(
    "error",
    [
        b'{"code":-32601,"message":"no"}',
        b'{"code":-32602,"message":"invalid argument 0"}',
        b'{"code":-32000,"message":"Method is not supported on this plan"}',
    ],
)
def test_what_a_node_will_never_do_is_not_retried(error: bytes) -> None:
    with pytest.raises(Unsupported, match="eth_x"):
        result_of("node", "eth_x", HttpAnswer(200, b'{"id":0,"error":' + error + b"}"))


def test_retry_after_is_honoured_within_reason() -> None:
    assert [
        retry_after_seconds(each)
        for each in (
            None,
            "3",
            "99999",
            "-1",
            "inf",
            "9" * 5_000,
            "nan",
            "²",
            "Wed, 21 Oct 2026 07:28:00 GMT",
        )
    ] == [
        0.0,
        3.0,
        120.0,
        0.0,
        120.0,
        120.0,
        1.0,
        1.0,
        1.0,
    ]


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wednesday, 21-Oct-26 07:28:30 GMT", 30.0),
        ("Wed Oct 21 07:28:30 2026", 30.0),
        ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 1.0),
        ("Wed, 21 Oct 9999 07:28:30 GMT", 120.0),
        ("Wed, 99 Oct 2026 07:28:30 GMT", 1.0),
        ("21 Oct", 1.0),
    ],
)
def test_retry_after_may_be_a_date(date: str, seconds: float) -> None:
    assert retry_after_seconds(date, 1792567680.0) == seconds


def test_backoff_has_full_jitter_under_a_doubling_ceiling() -> None:
    backoff = Backoff(first=1.0, ceiling=8.0, random=random.Random(1))
    waits = [backoff.next() for _ in range(200)]
    assert all(wait <= min(8.0, 2.0**attempt) for attempt, wait in enumerate(waits))
    assert min(waits[10:]) < 0.5 < 7.5 < max(waits)
    assert backoff.next(at_least=30.0) >= 30.0
    backoff.reset()
    assert backoff.next() <= 1.0


async def test_an_endpoints_name_has_no_secret() -> None:
    rpc = "https://user:pw@host/v3/abcdef?key=1,https://host/v3/other"
    settings = load_settings({"chain": {"rpc": rpc}}, environ={})
    nodes, transport = connect(settings)
    try:
        names = [endpoint.name for endpoint in nodes.endpoints]
        assert names == ["https://host/***", "https://host/***#2"]
    finally:
        await transport.close()


async def test_no_endpoint_is_told_with_the_remedy() -> None:
    with pytest.raises(Fatal, match="--rpc"):
        connect(load_settings({}, environ={}))
