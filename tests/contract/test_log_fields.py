"""docs/operations.md has every field that log lines say of what they are about, and no other."""

from __future__ import annotations

import re

import pytest

from connectors.delivery.queue.notification import Notification
from connectors.delivery.topic.log_fields import notification_fields
from headwater import logging
from tests.builders.deliveries import pending
from tests.fakes.listening import made_up_head
from tests.fakes.log_lines import configured, lines
from tests.paths import ROOT
from topics.chainlog.log_fields import fields


def test_the_page_has_each_field(capsys: pytest.CaptureFixture[str]) -> None:
    with configured("listen", "x"):
        logging.get_logger("headwater.test").warning("anything")
    (always,) = lines(capsys)
    told = set(always) | set(fields("sink", "x.logs.v1", 3, 7, None)) | set(made_up_head(1).log_fields())
    told |= set(notification_fields("x.alerts.v1", Notification((pending(1, 10),))))
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = page.split("\n## Logs\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|$", section, re.MULTILINE)
    listed = {name for names, _ in rows for name in re.findall(r"`(\w+)`", names)}
    also = {"messages"}  # in the words of a row
    assert all(f"`{each}`" in section for each in also)
    assert listed | also == told
