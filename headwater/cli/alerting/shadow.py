"""`headwater rules shadow`: have a rule in force be evaluated and its alerts stored, and not delivered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from headwater.cli.alerting import rules, topic
from headwater.cli.alerting.reading import limits_of
from headwater.cli.configuration import configured
from streams.logic.alerts.compiling import compile_rule, shadowed
from streams.logic.alerts.configuration import RULE


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


def add_to(app: typer.Typer) -> None:
    """Register the command with `headwater rules`."""
    app.command(name="shadow")(shadow)


def shadow(
    rule: Annotated[str, typer.Argument(metavar="ID", help="A rule that is in force.")],
    switch: Annotated[Switch, typer.Argument(metavar="on|off", help="on: its alerts are not delivered.")],
    data_dir: rules.DataDir = None,
) -> None:
    """Make alerts of a rule and store them, without delivering them; or deliver them from now on.

    The rule's text is written again with that one key: its open windows begin anew. What was made before the
    change is confirmed or retracted as it was made: on its channels, or nowhere.
    """
    settings = configured({"data_dir": data_dir})
    before = topic.current(settings, RULE)
    known = before.get(f"{RULE}{rule}")
    if known is None:
        raise rules.not_in_force([rule], before)
    on = switch is Switch.ON
    text = shadowed(known.value, on=on)
    if text != known.value:
        compile_rule(text, 0, limits_of(settings.alerts))
        topic.write(settings, {f"{RULE}{rule}": text})
    print(f"{rule}: its alerts are {'stored and not delivered' if on else 'delivered'}")
