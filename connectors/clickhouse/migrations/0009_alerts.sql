-- Alerts: the latest version of an alert replaces the earlier ones. Retracted ones stay, with their status.

CREATE TABLE IF NOT EXISTS {{table:alerts}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id Nullable(FixedString(16)),
    alert_id FixedString(16),
    rule_id String CODEC(ZSTD(1)),
    rule_version UInt64 CODEC(ZSTD(1)),
    severity LowCardinality(String),
    status LowCardinality(String),
    version UInt64 CODEC(ZSTD(1)),
    `group` Map(String, String) CODEC(ZSTD(1)),
    transaction_hash Nullable(FixedString(32)),
    log_index Nullable(UInt32) CODEC(ZSTD(1)),
    window_start Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    window_end Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    title String CODEC(ZSTD(1)),
    labels Map(String, String) CODEC(ZSTD(1)),
    values Map(String, String) CODEC(ZSTD(1)),
    channels Array(String) CODEC(ZSTD(1)),
    shadow Bool CODEC(ZSTD(1)),
    reason Nullable(String) CODEC(ZSTD(1))
)
ENGINE = {{engine:alerts:version}}
ORDER BY (chain_id, rule_id, alert_id);
-- shard alerts by sipHash64(alert_id)

CREATE OR REPLACE VIEW {{canonical_db}}.alerts {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    if(t.block_hash IS NULL, NULL, concat('0x', lower(hex(t.block_hash)))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    t.sequence AS sequence,
    t.removed AS removed,
    if(t.event_id IS NULL, NULL, concat('0x', lower(hex(t.event_id)))) AS event_id,
    concat('0x', lower(hex(t.alert_id))) AS alert_id,
    t.rule_id AS rule_id,
    t.rule_version AS rule_version,
    t.severity AS severity,
    t.status AS status,
    t.version AS version,
    t.`group` AS `group`,
    if(t.transaction_hash IS NULL, NULL, concat('0x', lower(hex(t.transaction_hash)))) AS transaction_hash,
    t.log_index AS log_index,
    t.window_start AS window_start,
    t.window_end AS window_end,
    t.title AS title,
    t.labels AS labels,
    t.values AS values,
    t.channels AS channels,
    t.shadow AS shadow,
    t.reason AS reason
FROM {{db}}.alerts AS t FINAL;
