"""Channels as people write them, and what is said of those that cannot be."""

from __future__ import annotations

import io

import pytest

from connectors.delivery.channels.print import Print, PrintSettings
from connectors.delivery.channels.text import read
from connectors.delivery.channels.webhook import WebhookSettings
from connectors.delivery.queue.attempt import Answer
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.pace import Rate
from headwater.errors import Permanent
from headwater.settings import DeliverySettings
from tests.builders.deliveries import pending

TEXT = """
- id: ops
  kind: webhook
  url: https://a.example/x
  secret_env: [NEW, OLD]
  rate: 60/m
  max_age: 2h
  give_up: 1d
- {id: console, kind: print}
"""


def test_a_file_has_one_channel_or_a_list() -> None:
    ops, console = read(TEXT, "channels.yaml")
    assert isinstance(ops.settings, WebhookSettings)
    policy = ops.settings.policy(DeliverySettings(circuit_failures=3))
    assert (policy.rate, policy.max_age_ms, policy.give_up_ms) == (Rate(60, 60_000), 7_200_000, 86_400_000)
    assert policy.failures == 3
    assert console.settings == PrintSettings()
    assert read("{id: console, kind: print}", "x") == [console]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "channels.yaml is not YAML"),
        ("- word", "channel 1 is not a mapping"),
        ("- {kind: print}", "channel 1: id is missing"),
        ("- {id: A B, kind: print}", "not a name"),
        ("- {id: a, kind: pigeon}", "there is no kind pigeon; kinds: print, webhook"),
        ("- {id: a, kind: print, colour: red}", r"channel 1 \(a\): colour: Extra inputs"),
        ("[{id: a, kind: print}, {id: a, kind: print}]", "more than one channel is named a"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(Permanent, match=words):
        read(text, "channels.yaml")


def test_an_address_with_a_login_is_refused_without_showing_it() -> None:
    with pytest.raises(Permanent, match="has a login in it") as caught:
        read("{id: a, kind: webhook, url: 'https://me:hunter22@a.example', secret_env: S}", "x")
    assert "hunter22" not in str(caught.value)


async def test_print_says_one_line_each() -> None:
    output = io.StringIO()
    alerts = (pending(1, 10, payload='{"title": "two\\nlines"}'), pending(2, 11, "RETRACTED"))
    outcome = await Print(output).send(Notification(alerts, grouped=True))
    assert outcome.answer is Answer.TAKEN
    assert output.getvalue() == (
        "HIGH PROVISIONAL large-transfer: two lines [alert 0x00000000000000000000000000000001 version 10]\n"
        "HIGH RETRACTED large-transfer: a large transfer "
        "[alert 0x00000000000000000000000000000002 version 11]\n"
    )
