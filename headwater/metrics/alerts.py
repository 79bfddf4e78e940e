"""The metrics of the alert stage: its rules, what they cost, what they said."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

ALERT_RULES = Gauge("headwater_alert_rules", "Rules in force", ["chain"])
ALERT_RULES_UNINDEXED = Gauge(
    "headwater_alert_rules_unindexed",
    "Rules that are tried with every transaction, log, transfer or creation",
    ["chain"],
)
ALERT_RULES_REFUSED = Counter(
    "headwater_alert_rules_refused_total",
    "Texts of rules that the stage could not compile; the earlier text stays in force",
    ["chain"],
)
ALERT_RULES_REFUSED_LAST = Gauge(
    "headwater_alert_rules_refused_last_timestamp_seconds",
    "When the text of a rule was last refused, seconds since 1970",
    ["chain"],
)
ALERT_VERSIONS = Counter(
    "headwater_alert_versions_total", "Versions of alerts, by rule", ["chain", "rule", "status"]
)
ALERT_CONDITION_ERRORS = Counter(
    "headwater_alert_condition_errors_total",
    "Records that matched a rule not, because its condition has no value for them",
    ["chain", "rule"],
)
ALERT_GROUPS_REFUSED = Counter(
    "headwater_alert_groups_refused_total",
    "Matches that a rule did not count, because it counts for as many groups as it may",
    ["chain", "rule"],
)
ALERT_BLOCKS = Gauge("headwater_alert_blocks", "Blocks that the alert stage remembers", ["chain"])
ALERT_TRACKS = Gauge(
    "headwater_alert_tracks", "Open windows, cooldowns and silences that the alert stage remembers", ["chain"]
)
ALERT_CONFIGURATION_BEHIND = Gauge(
    "headwater_alert_configuration_behind",
    "1 when the configuration topic cannot be followed: rules stay as they are",
    ["chain"],
)
