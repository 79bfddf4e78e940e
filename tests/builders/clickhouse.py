"""Questions to ClickHouse as plain HTTP requests, with a login."""

from __future__ import annotations

import base64
from urllib.parse import quote
from urllib.request import Request


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a login."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def question(endpoints: dict[str, str], query: str) -> Request:
    """A read-only query to the ClickHouse of an `endpoints.json`."""
    login = basic(endpoints["clickhouse_user"], endpoints["clickhouse_password"])
    return Request(f"{endpoints['clickhouse']}/?query={quote(query)}", headers=login)
