-- What people say of tokens, and views of amounts in units (docs/adr/0034). Views of their own: to look a token up
-- costs a join, and whoever asks for raw amounts pays none.

CREATE TABLE IF NOT EXISTS {{table:tokens}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    token_address FixedString(20),
    version UInt64 CODEC(ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    symbol String CODEC(ZSTD(1)),
    name String CODEC(ZSTD(1)),
    decimals UInt8 CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    written_by String CODEC(ZSTD(1))
)
ENGINE = {{engine:tokens:version}}
ORDER BY (chain_id, token_address);
-- shard tokens by sipHash64(chain_id, token_address)

CREATE OR REPLACE VIEW {{canonical_db}}.tokens {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    concat('0x', lower(hex(t.token_address))) AS token_address,
    t.symbol AS symbol,
    t.name AS name,
    t.decimals AS decimals,
    t.written_at AS written_at,
    t.written_by AS written_by
FROM {{db}}.tokens AS t FINAL
WHERE NOT t.removed;

-- units: a Decimal256 of 30 places is an integer of 10^-30 units, so the raw amount times 10^(30 - decimals) is its bits:
-- nothing is rounded. Only below 10^37 units, which leaves room for sums of five billion rows: a sum of Decimal256
-- is not held against what fits. units_approx differs by 3e-16 of itself at most. A token that nobody described has a
-- bound of 0 in the join, and nothing is below it.
/* define described:
    (
        WITH arrayMap(x -> toUInt256(concat('1', repeat('0', x))), range(68)) AS powers -- of ten, from 10^0 on
        SELECT
            chain_id,
            token_address,
            toNullable(symbol) AS symbol,
            toNullable(name) AS name,
            toNullable(decimals) AS decimals,
            if(decimals > 30, 0, powers[31 - least(decimals, 30)]) AS factor,
            if(decimals > 30, 0, powers[38 + least(decimals, 30)]) AS bound,
            toNullable(toFloat64(concat('1e', toString(decimals)))) AS unit
        FROM {{canonical_db}}.tokens
    ) AS k ON k.chain_id = t.chain_id AND k.token_address = t.token_address */
/* define units:
    if(raw < k.bound, reinterpret(assumeNotNull(raw) * k.factor, 'Decimal256(30)'), NULL) AS units,
    toFloat64(raw) / k.unit AS units_approx */
/* define status:
    k.decimals IS NULL, 'token not described',
    raw IS NULL, 'amount of 2^256 or more',
    k.decimals > 30, 'more than 30 decimals',
    raw >= k.bound, '10^37 units or more',
    'exact' */

CREATE OR REPLACE VIEW {{canonical_db}}.token_stats_in_units {{on_cluster}} AS
WITH if(t.amount_overflow, NULL, t.amount) AS raw
SELECT
    t.chain_id AS chain_id,
    t.sequence AS sequence,
    t.window_seconds AS window_seconds,
    t.window_start AS window_start,
    t.window_end AS window_end,
    t.complete AS complete,
    t.final AS final,
    t.token_address AS token_address,
    k.symbol AS symbol,
    k.name AS name,
    k.decimals AS decimals,
    t.transfer_count AS transfer_count,
    t.amount AS amount,
    t.amount_overflow AS amount_overflow,
    {{units}},
    multiIf(
        {{status}}
    ) AS units_status,
    t.mint_count AS mint_count,
    t.burn_count AS burn_count
FROM {{canonical_db}}.token_stats AS t
GLOBAL ANY LEFT JOIN {{described}};

CREATE OR REPLACE VIEW {{canonical_db}}.token_stats_daily_in_units {{on_cluster}} AS
WITH if(t.amount_overflow, NULL, t.amount) AS raw
SELECT
    t.chain_id AS chain_id,
    t.day AS day,
    t.complete AS complete,
    t.final AS final,
    t.token_address AS token_address,
    k.symbol AS symbol,
    k.name AS name,
    k.decimals AS decimals,
    t.transfer_count AS transfer_count,
    t.amount AS amount,
    t.amount_overflow AS amount_overflow,
    {{units}},
    multiIf(
        {{status}}
    ) AS units_status,
    t.mint_count AS mint_count,
    t.burn_count AS burn_count
FROM {{canonical_db}}.token_stats_daily AS t
GLOBAL ANY LEFT JOIN {{described}};

CREATE OR REPLACE VIEW {{canonical_db}}.token_transfers_in_units {{on_cluster}} AS
WITH t.value AS raw
SELECT
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    t.block_hash AS block_hash,
    t.block_timestamp AS block_timestamp,
    t.event_id AS event_id,
    t.log_index AS log_index,
    t.batch_index AS batch_index,
    t.transaction_hash AS transaction_hash,
    t.transaction_index AS transaction_index,
    t.token_address AS token_address,
    t.token_standard AS token_standard,
    k.symbol AS symbol,
    k.name AS name,
    k.decimals AS decimals,
    t.operator AS operator,
    t.from_address AS from_address,
    t.to_address AS to_address,
    t.token_id AS token_id,
    t.value AS value,
    {{units}},
    multiIf(
        {{status}}
    ) AS units_status
FROM {{canonical_db}}.token_transfers AS t
GLOBAL ANY LEFT JOIN {{described}};

-- A day's leaders are ranked by their transfers; what they moved is of the statistics of the day.
CREATE OR REPLACE VIEW {{finalized_db}}.top_tokens_daily_in_units {{on_cluster}} AS
WITH if(s.amount_overflow, NULL, s.amount) AS raw
SELECT
    t.chain_id AS chain_id,
    t.day AS day,
    t.rank AS rank,
    t.token_address AS token_address,
    k.symbol AS symbol,
    k.name AS name,
    k.decimals AS decimals,
    t.transfer_count AS transfer_count,
    t.address_count AS address_count,
    s.amount AS amount,
    s.amount_overflow AS amount_overflow,
    s.complete AS amount_complete,
    {{units}},
    multiIf(
        s.amount IS NULL, 'no statistics of the day',
        {{status}}
    ) AS units_status,
    t.counted_at AS counted_at
FROM {{finalized_db}}.top_tokens_daily AS t
GLOBAL ANY LEFT JOIN
(
    SELECT
        chain_id,
        toDate(day) AS day, -- the type of the other side: then a filter of the day is one of the statistics too
        token_address,
        toNullable(amount) AS amount,
        toNullable(amount_overflow) AS amount_overflow,
        toNullable(complete) AS complete
    FROM {{canonical_db}}.token_stats_daily
) AS s ON s.chain_id = t.chain_id AND s.day = t.day AND s.token_address = t.token_address
GLOBAL ANY LEFT JOIN {{described}};
