"""The registry and ClickHouse behind TLS, with a CA that only SSL_CERT_FILE knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from connectors.clickhouse.client import connect
from headwater.errors import Transient
from headwater.settings import ClickHouseSettings, RegistrySettings
from schemas.client import RegistryClient
from tests.builders.certificates import Certificates, make
from tests.integration.tcp_proxy import proxy


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return make(tmp_path)


def _clickhouse(url: str, login: dict[str, str]) -> object:
    client = connect(ClickHouseSettings.model_validate({**login, "url": url}), database="")
    try:
        return client.query("SELECT 7").result_rows[0][0]
    finally:
        client.close()


def _registry(url: str, login: dict[str, str]) -> object:
    return RegistryClient(RegistrySettings(url=url)).lookup("nobody-registered-this", '{"type": "string"}')


@pytest.mark.parametrize(
    ("service", "call", "answer"),
    [("clickhouse_url", _clickhouse, 7), ("registry_url", _registry, None)],
    ids=["ClickHouse", "registry"],
)
def test_an_https_address_is_spoken_to_in_tls(
    service: str,
    call: Callable[[str, dict[str, str]], object],
    answer: object,
    files: Certificates,
    clickhouse: dict[str, str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = urlsplit(request.getfixturevalue(service))
    with proxy(address.port or 0, certificate=files.server) as port:
        secured = f"https://127.0.0.1:{port}{address.path}"
        with pytest.raises(Transient, match="certificate verify failed"):
            call(secured, clickhouse)
        monkeypatch.setenv("SSL_CERT_FILE", str(files.ca))
        assert call(secured, clickhouse) == answer
