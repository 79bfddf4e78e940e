"""A stage for tests of the runner: forwards events, one public message each, a table when asked for.

Run as `python -m tests.integration.echo_stage [table]`; settings come from the environment.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from headwater import logging
from headwater.errors import HeadwaterError, Permanent
from headwater.metrics.server import serve
from headwater.settings import load_settings
from streams.logic.event import ChainEvent, Messages, Position
from streams.stage import Outcome, StageContext, StageSpec
from streams.workers import run_stage
from topics.chainlog.headers import headers_of
from topics.groups import Group

POISON = 13


class Echo:
    """Forwards every event but those of height 13, which no try can handle."""

    def handle(self, event: ChainEvent) -> Outcome:
        if event.envelope.block_number == POISON:
            raise Permanent("thirteen", remedy="another number")
        return self._forward(event, b"whole")

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        return self._forward(event, b"placeholder")

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        return None

    def _forward(self, event: ChainEvent, how: bytes) -> Outcome:
        envelope = event.envelope
        key = str(envelope.block_number).encode()
        headers = headers_of(envelope, "coverage")

        def coverage(positions: Sequence[Position]) -> Messages:
            text = ",".join(f"{each.partition}:{each.next_offset}" for each in positions)
            return Messages("coverage", [key], [text.encode()], headers)

        return Outcome(
            public=[Messages("transactions", [key], [how + b" " + str(envelope.sequence).encode()], headers)],
            coverage=coverage,
            internal=[Messages("enriched-blocks", [b"1"] * len(event.values), list(event.values), headers)],
        )


def build(context: StageContext) -> Echo:
    return Echo()


STAGE = StageSpec(Group("enrich", "normalized-blocks", "enriched-blocks"), build)


def main() -> None:
    settings = load_settings()
    logging.configure("echo", settings.log_level, settings.log_format)
    serve(0)
    try:
        run_stage(settings, STAGE)
    except HeadwaterError as error:
        sys.stderr.write(f"headwater: {error}\n")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
