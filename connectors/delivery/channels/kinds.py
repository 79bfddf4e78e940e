"""The kinds of channels: the only list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.delivery.channels.channel import ChannelSettings
from connectors.delivery.channels.print import PrintSettings
from connectors.delivery.channels.webhook import WebhookSettings

KINDS: Final[Mapping[str, type[ChannelSettings]]] = {"print": PrintSettings, "webhook": WebhookSettings}
