-- What is no sum: how many addresses there were, and which tokens and contracts led, by day (UTC) of final blocks.
--
-- One row a day, written whole, so that a refresh that was killed is only repeated. A day is due while its final
-- blocks are others, by their number and that of their transactions, than those that it was counted with: a new one,
-- one that grows, one that a backfill filled. Fourteen days of a chain are counted at a time, the newest first, since
-- the sets of their addresses have to fit into memory.

CREATE TABLE IF NOT EXISTS {{table:final_days}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    day Date CODEC(ZSTD(1)),
    counted_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    block_count UInt64 CODEC(ZSTD(1)),
    stated_transaction_count UInt64 CODEC(ZSTD(1)) COMMENT 'what the blocks say that they hold',
    transaction_count UInt64 CODEC(ZSTD(1)),
    sender_count UInt64 CODEC(ZSTD(1)),
    recipient_count UInt64 CODEC(ZSTD(1)),
    address_count UInt64 CODEC(ZSTD(1)),
    top_tokens Array(Tuple(address String, transfer_count UInt64, address_count UInt64)) CODEC(ZSTD(1)),
    top_contracts Array(Tuple(address String, gas_used UInt64, sender_count UInt64)) CODEC(ZSTD(1))
)
ENGINE = {{engine:final_days:counted_at}}
PARTITION BY chain_id
ORDER BY (chain_id, day);
-- shard final_days by toUInt64(day)

-- The blocks of days that are due, by number, so that only their rows are read.
/* define of_days_due:
    (t.chain_id, t.block_number) GLOBAL IN
    (
        SELECT d.1, arrayJoin(range(d.3, d.4 + 1)) FROM (SELECT arrayJoin(due) AS d)
    ) */

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.final_days_refresh {{on_cluster}}
REFRESH EVERY 1 HOUR RANDOMIZE FOR 10 MINUTE APPEND TO {{db}}.final_days AS
WITH
    -- A scalar: asked once, so that all that follows is of the same days, whatever becomes final meanwhile.
    (
        SELECT groupArray((chain_id, day, first, last, blocks, stated))
        FROM
        (
            SELECT chain_id, day, first, last, blocks, stated
            FROM
            (
                SELECT
                    b.chain_id AS chain_id,
                    toDate(b.block_timestamp) AS day,
                    min(b.block_number) AS first,
                    max(b.block_number) AS last,
                    count() AS blocks,
                    toUInt64(sum(b.transaction_count)) AS stated
                FROM {{finalized_db}}.blocks AS b
                GROUP BY chain_id, day
            )
            WHERE (chain_id, day, blocks, stated) GLOBAL NOT IN
            (
                SELECT chain_id, day, block_count, stated_transaction_count FROM {{db}}.final_days FINAL
            )
            ORDER BY chain_id, day DESC
            LIMIT 14 BY chain_id
        )
    ) AS due
SELECT
    p.chain_id AS chain_id,
    p.day AS day,
    now64(3) AS counted_at,
    p.blocks AS block_count,
    p.stated AS stated_transaction_count,
    a.transaction_count AS transaction_count,
    a.sender_count AS sender_count,
    a.recipient_count AS recipient_count,
    a.address_count AS address_count,
    k.leaders AS top_tokens,
    c.leaders AS top_contracts
FROM
(
    SELECT d.1 AS chain_id, d.2 AS day, d.5 AS blocks, d.6 AS stated FROM (SELECT arrayJoin(due) AS d)
) AS p
LEFT JOIN
(
    SELECT
        t.chain_id AS chain_id,
        toDate(t.block_timestamp) AS day,
        count() AS transaction_count,
        uniqExact(t.from_address) AS sender_count,
        uniqExactIf(t.to_address, t.to_address IS NOT NULL) AS recipient_count,
        uniqExactArray(arrayFilter(x -> x IS NOT NULL, [t.from_address, t.to_address])) AS address_count
    FROM {{finalized_db}}.transactions AS t
    WHERE {{of_days_due}}
    GROUP BY chain_id, day
) AS a ON a.chain_id = p.chain_id AND a.day = p.day
LEFT JOIN
(
    SELECT chain_id, day, arraySlice(arraySort(x -> (-x.2, x.1), groupArray((address, value, addresses))), 1, 100) AS leaders
    FROM
    (
        SELECT
            t.chain_id AS chain_id,
            toDate(t.block_timestamp) AS day,
            t.token_address AS address,
            count() AS value,
            uniqExactArray([t.from_address, t.to_address]) AS addresses
        FROM {{finalized_db}}.token_transfers AS t
        WHERE {{of_days_due}}
        GROUP BY chain_id, day, address
    )
    GROUP BY chain_id, day
) AS k ON k.chain_id = p.chain_id AND k.day = p.day
LEFT JOIN
(
    SELECT chain_id, day, arraySlice(arraySort(x -> (-x.2, x.1), groupArray((address, value, addresses))), 1, 100) AS leaders
    FROM
    (
        SELECT
            t.chain_id AS chain_id,
            toDate(t.block_timestamp) AS day,
            assumeNotNull(t.to_address) AS address,
            toUInt64(sum(assumeNotNull(t.receipt_gas_used))) AS value,
            uniqExact(t.from_address) AS addresses
        FROM {{finalized_db}}.transactions AS t
        WHERE {{of_days_due}} AND t.to_address IS NOT NULL AND t.input != '0x'
        GROUP BY chain_id, day, address
    )
    GROUP BY chain_id, day
) AS c ON c.chain_id = p.chain_id AND c.day = p.day;

CREATE OR REPLACE VIEW {{finalized_db}}.addresses_daily {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.day AS day,
    t.counted_at AS counted_at,
    t.block_count AS block_count,
    t.transaction_count AS transaction_count,
    t.sender_count AS sender_count,
    t.recipient_count AS recipient_count,
    t.address_count AS address_count
FROM {{db}}.final_days AS t FINAL;

CREATE OR REPLACE VIEW {{finalized_db}}.top_tokens_daily {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.day AS day,
    toUInt8(place) AS rank,
    leader.1 AS token_address,
    leader.2 AS transfer_count,
    leader.3 AS address_count,
    t.counted_at AS counted_at
FROM (SELECT * FROM {{db}}.final_days FINAL) AS t
ARRAY JOIN t.top_tokens AS leader, arrayEnumerate(t.top_tokens) AS place;

CREATE OR REPLACE VIEW {{finalized_db}}.top_contracts_daily {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.day AS day,
    toUInt8(place) AS rank,
    leader.1 AS address,
    leader.2 AS gas_used,
    leader.3 AS sender_count,
    t.counted_at AS counted_at
FROM (SELECT * FROM {{db}}.final_days FINAL) AS t
ARRAY JOIN t.top_contracts AS leader, arrayEnumerate(t.top_contracts) AS place;
