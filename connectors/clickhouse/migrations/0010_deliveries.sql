-- What became of alerts on their channels.

-- Copy of the ledger: the latest entry of a delivery holds. What is delivered stands in the topic, and as the alert
-- itself in alerts.
CREATE TABLE IF NOT EXISTS {{table:deliveries}} {{on_cluster}}
(
    chain_id UInt64,
    delivery_id String,
    channel LowCardinality(String),
    alert_id FixedString(16),
    version UInt64,
    status LowCardinality(String),
    rule_id LowCardinality(String),
    severity LowCardinality(String),
    state LowCardinality(String),
    attempts UInt32,
    replays UInt32,
    revision UInt64,
    alert_partition UInt32,
    alert_offset UInt64,
    block_timestamp Nullable(DateTime64(3, 'UTC')),
    published_at DateTime64(3, 'UTC'),
    queued_at DateTime64(3, 'UTC'),
    updated_at DateTime64(3, 'UTC'),
    first_attempt_at Nullable(DateTime64(3, 'UTC')),
    delivered_at Nullable(DateTime64(3, 'UTC')),
    not_before Nullable(DateTime64(3, 'UTC')),
    http_status Nullable(UInt16),
    problem Nullable(String) CODEC(ZSTD(1))
)
ENGINE = {{engine:deliveries:revision}}
PARTITION BY (chain_id, toYYYYMM(published_at))
ORDER BY (chain_id, alert_id, channel, version);
-- shard deliveries by sipHash64(alert_id)

CREATE OR REPLACE VIEW {{canonical_db}}.deliveries {{on_cluster}} AS
SELECT
    d.chain_id AS chain_id,
    d.channel AS channel,
    d.rule_id AS rule_id,
    d.severity AS severity,
    concat('0x', lower(hex(d.alert_id))) AS alert_id,
    d.version AS version,
    d.status AS status,
    d.state AS state,
    d.attempts AS attempts,
    d.replays AS replays,
    d.published_at AS published_at,
    d.first_attempt_at AS first_attempt_at,
    d.delivered_at AS delivered_at,
    dateDiff('millisecond', d.published_at, d.delivered_at) / 1000 AS seconds,
    d.not_before AS not_before,
    d.http_status AS http_status,
    d.problem AS problem,
    d.delivery_id AS delivery_id
FROM {{db}}.deliveries AS d FINAL;
