"""Alerts and their delivery: rules in force, what they said, whether it reached anybody."""

from __future__ import annotations

from headwater.dashboards.model import Dashboard, Panel, Query, Row, Unit
from headwater.dashboards.select import highest, quantile, rate
from headwater.metrics import alerts, delivery

DELIVERY = Dashboard(
    "delivery",
    "Headwater: alerts and delivery",
    "Rules and what they said; channels and whether their receivers have it.",
    (
        Row(
            "Alerts",
            (
                Panel(
                    "Rules in force",
                    "And those that are tried with every record, which cost most.",
                    Unit.NUMBER,
                    (
                        Query(highest(alerts.ALERT_RULES, "chain"), "{{chain}} in force"),
                        Query(
                            highest(alerts.ALERT_RULES_UNINDEXED, "chain"),
                            "{{chain}} tried with every record",
                        ),
                    ),
                ),
                Panel(
                    "Versions of alerts",
                    "Given, confirmed, taken back.",
                    Unit.PER_SECOND,
                    (Query(rate(alerts.ALERT_VERSIONS, "chain", "rule", "status"), "{{rule}} {{status}}"),),
                    sparse=True,
                ),
                Panel(
                    "Configuration cannot be followed",
                    "1: rules stay as they are.",
                    Unit.NUMBER,
                    (Query(highest(alerts.ALERT_CONFIGURATION_BEHIND, "chain"), "{{chain}}"),),
                    sparse=True,
                ),
                Panel(
                    "What rules could not do",
                    "Texts that do not compile, conditions without a value, groups beyond the limit.",
                    Unit.PER_SECOND,
                    (
                        Query(rate(alerts.ALERT_RULES_REFUSED, "chain"), "{{chain}} refused"),
                        Query(rate(alerts.ALERT_CONDITION_ERRORS, "chain", "rule"), "{{rule}} no value"),
                        Query(rate(alerts.ALERT_GROUPS_REFUSED, "chain", "rule"), "{{rule}} too many groups"),
                    ),
                    sparse=True,
                ),
            ),
        ),
        Row(
            "Delivery",
            (
                Panel(
                    "Deliveries closed",
                    "By channel and what became of them. `dead` was given up.",
                    Unit.PER_SECOND,
                    (Query(rate(delivery.DELIVERIES, "channel", "state"), "{{channel}} {{state}}"),),
                    sparse=True,
                ),
                Panel(
                    "Waiting",
                    "Neither closed nor given up.",
                    Unit.NUMBER,
                    (Query(highest(delivery.DELIVERY_WAITING, "chain", "channel"), "{{channel}}"),),
                    sparse=True,
                ),
                Panel(
                    "Publication to acknowledgement, 95 %",
                    "The receiver's time included.",
                    Unit.SECONDS,
                    (Query(quantile(delivery.DELIVERY_SECONDS, 0.95, "channel"), "{{channel}}"),),
                    sparse=True,
                ),
                Panel(
                    "Attempts",
                    "By the receiver's answer.",
                    Unit.PER_SECOND,
                    (Query(rate(delivery.DELIVERY_ATTEMPTS, "channel", "answer"), "{{channel}} {{answer}}"),),
                    sparse=True,
                ),
                Panel(
                    "Circuits that are not closed",
                    "1 while a channel is only probed: its receiver fails.",
                    Unit.NUMBER,
                    (
                        Query(
                            highest(
                                delivery.DELIVERY_CIRCUIT, "channel", "state", matchers=('state!="closed"',)
                            ),
                            "{{channel}} {{state}}",
                        ),
                    ),
                    sparse=True,
                ),
                Panel(
                    "Alerts for unknown channels",
                    "A rule names a channel that nobody has applied.",
                    Unit.PER_SECOND,
                    (Query(rate(delivery.DELIVERY_UNKNOWN, "chain", "channel"), "{{channel}}"),),
                    sparse=True,
                ),
            ),
        ),
    ),
)
