"""Queries that come as a form, as clickhouse-connect sends long parameters."""

from email.parser import BytesParser
from email.policy import HTTP


def fields(content_type: str, body: bytes) -> dict[str, str]:
    """The form's fields: `query`, `param_…` and settings."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    found: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content.decode()
    return found
