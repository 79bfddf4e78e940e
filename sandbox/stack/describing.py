"""What `headwater up` says of the local chain's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headwater.settings import Settings
from sandbox import traffic
from sandbox.stack.builtin import WrittenTexts, carry_out

TOKENS: Final = Path(traffic.__file__).parent / "tokens.yaml"


def describe_tokens(settings: Settings, chain_id: int) -> str:
    """Say it, but for what the user has made his own; what is to be told of it. Raises Transient or Fatal."""
    from connectors.tokens import text, topic

    builtin = text.read(TOKENS.read_text("utf-8"), TOKENS.name, chain_id)
    standing = topic.current(settings)

    def write(changes: Mapping[str, str | None]) -> None:
        if changes:
            revision = {own: None if each is None else builtin[own] for own, each in changes.items()}
            topic.revise(settings, chain_id, lambda _: revision)

    carry_out(
        WrittenTexts(Path(settings.data_dir), "tokens"),
        {own: text.written([each], chain_id) for own, each in builtin.items()},
        None,
        {own: text.written([each], chain_id) for own, each in standing.items()},
        write,
    )
    symbols = sorted(each.symbol or own for own, each in topic.current(settings).items())
    return f"tokens in units: {', '.join(symbols) or 'none'}"
