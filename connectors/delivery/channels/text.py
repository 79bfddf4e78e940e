"""Channels as people write them: YAML, one mapping or a list of them a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import ValidationError

from connectors.delivery.channels.channel import ChannelSettings
from connectors.delivery.channels.kinds import KINDS
from headwater.errors import Permanent

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Written:
    """A channel as it was written, and checked."""

    id: str
    kind: str
    settings: ChannelSettings


def read(text: str, name: str) -> list[Written]:
    """The channels of a file. Raises Permanent, which says where and what is wrong."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Permanent(f"{name} is not YAML: {' '.join(str(error).split())}") from error
    entries = content if isinstance(content, list) else [content]
    channels = [_channel(each, f"{name}: channel {number}") for number, each in enumerate(entries, 1)]
    ids = [each.id for each in channels]
    if twice := sorted({each for each in ids if ids.count(each) > 1}):
        raise Permanent(f"{name}: more than one channel is named {twice[0]}")
    return channels


def checked(kind: str, settings: Mapping[str, Any], where: str) -> ChannelSettings:
    """The settings of a kind. Raises Permanent."""
    if kind not in KINDS:
        raise Permanent(f"{where}: there is no kind {kind}", remedy=f"kinds: {', '.join(KINDS)}")
    try:
        return KINDS[kind].model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(map(str, first["loc"]))
        # Never the value: it may be an address with a key in it.
        raise Permanent(f"{where}: {setting}{': ' if setting else ''}{first['msg']}") from None


def _channel(entry: object, where: str) -> Written:
    if not isinstance(entry, dict):
        raise Permanent(f"{where} is not a mapping", remedy="see docs/delivery.md for an example")
    values = dict(entry)
    own, kind = values.pop("id", None), values.pop("kind", None)
    if not isinstance(own, str) or not _ID.match(own):
        raise Permanent(
            f"{where}: id is missing, or not a name",
            remedy="lower-case letters, digits, dots, dashes, up to 63",
        )
    return Written(own, str(kind), checked(str(kind), values, f"{where} ({own})"))
