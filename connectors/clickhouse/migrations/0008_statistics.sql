-- Statistics of windows of block time, and views over them. A snapshot replaces the earlier ones of its window and
-- entity; days are views over hours. What a window lacks is said of the window: in chain_stats while the stage
-- remembers it, in incomplete_windows afterwards.

CREATE TABLE IF NOT EXISTS {{table:chain_stats}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    window_seconds UInt32 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    complete Bool CODEC(ZSTD(1)),
    final Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    block_count UInt64 CODEC(ZSTD(1)),
    transaction_count UInt64 CODEC(ZSTD(1)),
    failed_transaction_count UInt64 CODEC(ZSTD(1)),
    gas_used UInt64 CODEC(ZSTD(1)),
    fees UInt256 CODEC(ZSTD(1)),
    burnt_fees UInt256 CODEC(ZSTD(1)),
    blob_gas_used UInt64 CODEC(ZSTD(1)),
    blob_fees UInt256 CODEC(ZSTD(1)),
    log_count UInt64 CODEC(ZSTD(1)),
    token_transfer_count UInt64 CODEC(ZSTD(1)),
    contract_count UInt64 CODEC(ZSTD(1)),
    base_fee_min Nullable(UInt256) CODEC(ZSTD(1)),
    base_fee_max Nullable(UInt256) CODEC(ZSTD(1)),
    base_fee_avg Nullable(UInt256) CODEC(ZSTD(1))
)
ENGINE = {{engine:chain_stats:sequence}}
PARTITION BY (chain_id, toYYYYMM(window_start))
ORDER BY (chain_id, window_seconds, window_start);
-- shard chain_stats by sipHash64(window_start)

CREATE TABLE IF NOT EXISTS {{table:token_stats}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    window_seconds UInt32 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    complete Bool CODEC(ZSTD(1)),
    final Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    token_address FixedString(20),
    transfer_count UInt64 CODEC(ZSTD(1)),
    amount UInt256 CODEC(ZSTD(1)),
    amount_overflow Bool CODEC(ZSTD(1)),
    mint_count UInt64 CODEC(ZSTD(1)),
    burn_count UInt64 CODEC(ZSTD(1))
)
ENGINE = {{engine:token_stats:sequence}}
PARTITION BY (chain_id, toYYYYMM(window_start))
ORDER BY (chain_id, token_address, window_seconds, window_start);
-- shard token_stats by sipHash64(token_address)

CREATE TABLE IF NOT EXISTS {{table:contract_stats}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    window_seconds UInt32 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    complete Bool CODEC(ZSTD(1)),
    final Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    address FixedString(20),
    log_count UInt64 CODEC(ZSTD(1)),
    call_count UInt64 CODEC(ZSTD(1)),
    failed_call_count UInt64 CODEC(ZSTD(1)),
    gas_used UInt64 CODEC(ZSTD(1))
)
ENGINE = {{engine:contract_stats:sequence}}
PARTITION BY (chain_id, toYYYYMM(window_start))
ORDER BY (chain_id, address, window_seconds, window_start);
-- shard contract_stats by sipHash64(address)

CREATE TABLE IF NOT EXISTS {{table:incomplete_windows}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    window_seconds UInt32 CODEC(ZSTD(1)),
    window_start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    reason String CODEC(ZSTD(1))
)
ENGINE = {{engine:incomplete_windows:sequence}}
PARTITION BY (chain_id, toYYYYMM(window_start))
ORDER BY (chain_id, window_seconds, window_start);
-- shard incomplete_windows by sipHash64(window_start)

/* define marked:
    (t.chain_id, t.window_seconds, t.window_start) GLOBAL IN
    (
        SELECT chain_id, window_seconds, window_start FROM {{db}}.incomplete_windows FINAL WHERE NOT removed
    ) */
/* define lacking:
    (t.chain_id, t.window_seconds, t.window_start) GLOBAL IN
    (
        SELECT chain_id, window_seconds, window_start FROM {{db}}.chain_stats FINAL WHERE NOT removed AND NOT complete
    ) */

CREATE OR REPLACE VIEW {{canonical_db}}.chain_stats {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.sequence AS sequence,
    t.window_seconds AS window_seconds,
    t.window_start AS window_start,
    t.window_end AS window_end,
    t.complete AND NOT {{marked}} AS complete,
    t.final AS final,
    t.block_count AS block_count,
    t.transaction_count AS transaction_count,
    t.failed_transaction_count AS failed_transaction_count,
    t.gas_used AS gas_used,
    t.fees AS fees,
    t.burnt_fees AS burnt_fees,
    t.blob_gas_used AS blob_gas_used,
    t.blob_fees AS blob_fees,
    t.log_count AS log_count,
    t.token_transfer_count AS token_transfer_count,
    t.contract_count AS contract_count,
    t.base_fee_min AS base_fee_min,
    t.base_fee_max AS base_fee_max,
    t.base_fee_avg AS base_fee_avg
FROM {{db}}.chain_stats AS t FINAL
WHERE NOT t.removed;

CREATE OR REPLACE VIEW {{canonical_db}}.token_stats {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.sequence AS sequence,
    t.window_seconds AS window_seconds,
    t.window_start AS window_start,
    t.window_end AS window_end,
    t.complete AND NOT {{marked}} AND NOT {{lacking}} AS complete,
    t.final AS final,
    concat('0x', lower(hex(t.token_address))) AS token_address,
    t.transfer_count AS transfer_count,
    t.amount AS amount,
    t.amount_overflow AS amount_overflow,
    t.mint_count AS mint_count,
    t.burn_count AS burn_count
FROM {{db}}.token_stats AS t FINAL
WHERE NOT t.removed;

CREATE OR REPLACE VIEW {{canonical_db}}.contract_stats {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.sequence AS sequence,
    t.window_seconds AS window_seconds,
    t.window_start AS window_start,
    t.window_end AS window_end,
    t.complete AND NOT {{marked}} AND NOT {{lacking}} AS complete,
    t.final AS final,
    concat('0x', lower(hex(t.address))) AS address,
    t.log_count AS log_count,
    t.call_count AS call_count,
    t.failed_call_count AS failed_call_count,
    t.gas_used AS gas_used
FROM {{db}}.contract_stats AS t FINAL
WHERE NOT t.removed;

CREATE OR REPLACE VIEW {{canonical_db}}.incomplete_windows {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.window_seconds AS window_seconds,
    t.window_start AS window_start,
    t.window_end AS window_end,
    t.sequence AS sequence,
    t.reason AS reason
FROM {{db}}.incomplete_windows AS t FINAL
WHERE NOT t.removed;

-- An hour without blocks has no row: a day is as complete as the hours that it has.
CREATE OR REPLACE VIEW {{canonical_db}}.chain_stats_daily {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    toStartOfDay(t.window_start) AS day,
    min(t.complete) AS complete,
    min(t.final) AS final,
    sum(t.block_count) AS block_count,
    sum(t.transaction_count) AS transaction_count,
    sum(t.failed_transaction_count) AS failed_transaction_count,
    sum(t.gas_used) AS gas_used,
    sum(t.fees) AS fees,
    sum(t.burnt_fees) AS burnt_fees,
    sum(t.blob_gas_used) AS blob_gas_used,
    sum(t.blob_fees) AS blob_fees,
    sum(t.log_count) AS log_count,
    sum(t.token_transfer_count) AS token_transfer_count,
    sum(t.contract_count) AS contract_count,
    min(t.base_fee_min) AS base_fee_min,
    max(t.base_fee_max) AS base_fee_max,
    intDivOrZero(sum(t.base_fee_avg * t.block_count), sumIf(t.block_count, t.base_fee_avg IS NOT NULL)) AS base_fee_avg
FROM {{canonical_db}}.chain_stats AS t
WHERE t.window_seconds = 3600
GROUP BY chain_id, day;

CREATE OR REPLACE VIEW {{canonical_db}}.token_stats_daily {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    toStartOfDay(t.window_start) AS day,
    t.token_address AS token_address,
    min(t.complete) AS complete,
    min(t.final) AS final,
    sum(t.transfer_count) AS transfer_count,
    sum(t.amount) AS amount,
    max(t.amount_overflow) OR sum(toFloat64(t.amount)) >= exp2(256) AS amount_overflow,
    sum(t.mint_count) AS mint_count,
    sum(t.burn_count) AS burn_count
FROM {{canonical_db}}.token_stats AS t
WHERE t.window_seconds = 3600
GROUP BY chain_id, day, token_address;

CREATE OR REPLACE VIEW {{canonical_db}}.contract_stats_daily {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    toStartOfDay(t.window_start) AS day,
    t.address AS address,
    min(t.complete) AS complete,
    min(t.final) AS final,
    sum(t.log_count) AS log_count,
    sum(t.call_count) AS call_count,
    sum(t.failed_call_count) AS failed_call_count,
    sum(t.gas_used) AS gas_used
FROM {{canonical_db}}.contract_stats AS t
WHERE t.window_seconds = 3600
GROUP BY chain_id, day, address;
