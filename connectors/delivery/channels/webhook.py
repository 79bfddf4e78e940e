"""Webhooks by the Standard Webhooks specification: signed over id, time and body, anew at each attempt."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from standardwebhooks import Webhook as Signer
from standardwebhooks.webhooks import EmptyWebhookSecretError

from connectors.delivery.channels.channel import Channel, ChannelSettings, Services, Unusable
from connectors.delivery.channels.http import Http, HttpAnswer, url_problem
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.notification import Notification
from headwater.errors import Permanent, Transient
from headwater.settings import DeliverySettings

# What the same request will be answered again: the receiver does not want this body, or is gone for good.
_REFUSED: Final = frozenset({400, 405, 410, 411, 413, 414, 415, 422, 431})
_THROTTLED: Final = frozenset({429})


class WebhookSettings(ChannelSettings):
    """A receiver of webhooks. One of `url` and `url_env` is set: an address with a key in it is a secret."""

    url: str | None = Field(None, description="Address without any secret.")
    url_env: str | None = Field(None, description="Variable with the address, where that is a secret.")
    secret_env: str | tuple[str, ...] = Field(
        description="Variable with the signing secret (whsec_…, base64); several while it is changed: the "
        "request carries a signature of each."
    )

    @model_validator(mode="after")
    def _one_address(self) -> WebhookSettings:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("set one of url and url_env")
        if self.url is not None and "@" in urlsplit(self.url).netloc:
            raise ValueError("url has a login in it: put it into a variable that url_env names")
        return self

    def problem(self, settings: DeliverySettings) -> str:
        """What is wrong with the address as far as it is known; "" for nothing."""
        return "" if self.url is None else url_problem(self.url, allow_private=settings.allow_private)

    def make(self, services: Services) -> Channel:
        url = services.secret(self.url_env) if self.url_env is not None else self.url or ""
        names = (self.secret_env,) if isinstance(self.secret_env, str) else self.secret_env
        secrets = {name: services.secret(name) for name in names}
        return Webhook(url, tuple(_signer(*each) for each in secrets.items()), services.http)


def _signer(name: str, secret: str) -> Signer:
    try:
        return Signer(secret)
    except (binascii.Error, ValueError, EmptyWebhookSecretError) as error:
        raise Unusable(
            f"variable {name} has no signing secret", remedy="it is base64, with or without whsec_ before it"
        ) from error


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts notifications to one address."""

    url: str
    signers: tuple[Signer, ...]
    http: Http

    async def send(self, notification: Notification) -> Outcome:
        now, own, payload = datetime.now(UTC), notification.id, notification.payload
        headers = {
            "Content-Type": "application/json",
            "webhook-id": own,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(each.sign(own, now, payload) for each in self.signers),
        }
        try:
            answer = await self.http.post(self.url, payload.encode(), headers)
        except (Transient, Permanent) as error:
            # An address that may not be called is mended in the settings: it waits for that.
            return Outcome(Answer.FAILED, None, str(error))
        return outcome_of(answer)


def outcome_of(answer: HttpAnswer) -> Outcome:
    """What an answer means for the delivery."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Answer.TAKEN, status)
    problem = f"{status}{f': {answer.text}' if answer.text else ''}"
    if 300 <= status < 400:
        problem = f"{status}: redirects are not followed; put the address that it leads to into the channel"
    if status in _REFUSED:
        return Outcome(Answer.REFUSED, status, problem)
    kind = Answer.THROTTLED if status in _THROTTLED else Answer.FAILED
    return Outcome(kind, status, problem, answer.retry_after)
