-- A remark of incomplete_windows is about the snapshots before it: those of a window that was made again
-- (`headwater stats rebuild`) have a higher sequence, and hold.

/* define marked:
    (t.chain_id, t.window_seconds, t.window_start) GLOBAL IN
    (
        SELECT m.chain_id, m.window_seconds, m.window_start
        FROM (SELECT * FROM {{db}}.incomplete_windows FINAL WHERE NOT removed) AS m
        GLOBAL LEFT JOIN
        (
            SELECT chain_id, window_seconds, window_start, sequence FROM {{db}}.chain_stats FINAL
            WHERE (chain_id, window_seconds, window_start) GLOBAL IN
            (
                SELECT chain_id, window_seconds, window_start FROM {{db}}.incomplete_windows
            )
        ) AS c ON c.chain_id = m.chain_id AND c.window_seconds = m.window_seconds AND c.window_start = m.window_start
        WHERE m.sequence > c.sequence
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
WHERE NOT t.removed AND {{marked}};
