"""The local stack's receiver of webhooks, and the channels that lead to it."""

from __future__ import annotations

import base64
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater.errors import Fatal
from headwater.settings import Settings
from sandbox.chdb.logins import write_private
from sandbox.receiver import SECRET_VARIABLE as RECEIVER_VARIABLE
from sandbox.services.probes import http_get
from sandbox.stack.builtin import WrittenTexts, carry_out
from sandbox.supervisor.process import Command
from sandbox.supervisor.supervisor import Part

if TYPE_CHECKING:
    from connectors.delivery.channels.text import Written

URL_VARIABLE: Final = "LOCAL_RECEIVER_URL"
SECRET_VARIABLE: Final = "LOCAL_RECEIVER_SECRET"
# Rules may name these two without anything being set up.
CHANNELS: Final = f"""
- {{id: local, kind: webhook, url_env: {URL_VARIABLE}, secret_env: {SECRET_VARIABLE}}}
- {{id: console, kind: print}}
"""
_RANK: Final = 40  # behind the roles, which drain into it
_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class LocalReceiver:
    """Where it listens, and what requests to it are signed with."""

    port: int
    secret: str

    @property
    def url(self) -> str:
        """GET tells what came, POST takes a webhook."""
        return f"http://127.0.0.1:{self.port}/local"

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs that delivers to it."""
        return {URL_VARIABLE: self.url, SECRET_VARIABLE: self.secret}

    def part(self, logs: Path) -> Part:
        """The receiver as a supervised part."""

        def command() -> Command:
            argv = (sys.executable, "-m", "sandbox.receiver", "--port", str(self.port))
            variables = {RECEIVER_VARIABLE: self.secret}
            return Command("receiver", argv, logs / "receiver.log", variables, own_settings=True)

        return Part("receiver", command, lambda: http_get(self.port, "/")[0] == 200, (), _RANK)


def kept_secret(path: Path) -> str:
    """The signing secret in a file, made when it is not there. Raises Fatal."""
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        made = f"whsec_{base64.b64encode(secrets.token_bytes(_BYTES)).decode()}"
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"cannot read the secret in {path}", remedy="remove the file: one is made") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, f"{made}\n")
    return made


def read_channels(file: Path) -> list[Written]:
    """The channels of a file. Raises Permanent or Fatal."""
    from connectors.delivery.channels.text import read

    try:
        return read(file.read_text("utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"cannot read {file}: {error}", remedy="name a YAML file with channels") from error


def apply_channels(settings: Settings, file: Path | None) -> set[str]:
    """The two local channels, or those of a file; the names of all that are applied then.

    Raises Transient or Permanent.
    """
    from connectors.delivery.channels.text import read
    from connectors.delivery.topic.channels import ChannelTopic, apply, remove

    local = {each.id: each for each in read(CHANNELS, "the local channels")}
    named = None if file is None else {each.id: each for each in read_channels(file)}
    topic = ChannelTopic(settings)
    try:
        known = dict(topic.refresh())
        standing = {own: f"{each.kind} {each.text}" for own, each in known.items()}

        def write(changes: Mapping[str, str | None]) -> None:
            wanted = [(local if named is None else named)[own] for own, text in changes.items() if text]
            apply(settings, wanted, known)
            for own in [own for own, text in changes.items() if text is None]:
                remove(settings, own)

        carry_out(
            WrittenTexts(Path(settings.data_dir), "channels"),
            {own: _text(each) for own, each in local.items()},
            None if named is None else {own: _text(each) for own, each in named.items()},
            standing,
            write,
        )
        return set(topic.refresh())
    finally:
        topic.close()


def _text(channel: Written) -> str:
    """As what stands on the topic is compared with it."""
    from connectors.delivery.topic.channels import settings_text

    return f"{channel.kind} {settings_text(channel.settings)}"
