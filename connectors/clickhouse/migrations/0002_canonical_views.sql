-- Views for people: hex strings, one row a record, and only blocks that coverage says are whole.
--
-- A row of an unsettled block shows when coverage has its block as whole and canonical, whatever the row's
-- own removed says: one coverage row shows or hides the block in all views. Down in the settled range, where
-- coverage is not asked, removed = 0 decides.
--
-- Why two levels: a query pins the parts of each table when it is analysed, and a view inside a view is
-- analysed when the outer one already is. So coverage is pinned before the rows are, and a block that
-- coverage shows has all of its rows in what the query reads (analyzer_inline_views = 0, the default).
-- GLOBAL IN: on a cluster, coverage is one shard's.

/* define settled:
    (SELECT (groupArray(chain_id), groupArray(from_number), groupArray(to_number)) FROM {{db}}.settled FINAL)
    AS settled,
    -- After the range, as a hole is written before it.
    (SELECT groupArray(block_number) FROM {{db}}.settled_holes FINAL WHERE open) AS holes */
/* define within:
    block_number <= transform(chain_id, settled.1, settled.3, toUInt64(0))
    AND block_number >= transform(chain_id, settled.1, settled.2, toUInt64(-1))
    AND NOT has(holes, block_number) */
/* define row_within:
    t.block_number <= transform(t.chain_id, settled.1, settled.3, toUInt64(0))
    AND t.block_number >= transform(t.chain_id, settled.1, settled.2, toUInt64(-1))
    AND NOT has(holes, t.block_number) */
/* define visible:
    (NOT t.removed AND {{row_within}})
    OR t.block_hash GLOBAL IN
    (
        SELECT block_hash FROM {{db}}.coverage_tip FINAL WHERE complete AND NOT removed AND NOT ({{within}})
    ) */

CREATE DATABASE IF NOT EXISTS {{canonical_db}} {{on_cluster}};
CREATE DATABASE IF NOT EXISTS {{finalized_db}} {{on_cluster}};

CREATE OR REPLACE VIEW {{db}}.blocks_current {{on_cluster}} AS
SELECT * FROM {{db}}.blocks FINAL;

CREATE OR REPLACE VIEW {{db}}.transactions_current {{on_cluster}} AS
SELECT * FROM {{db}}.transactions FINAL;

CREATE OR REPLACE VIEW {{db}}.logs_current {{on_cluster}} AS
SELECT *, topic0 FROM {{db}}.logs FINAL;

CREATE OR REPLACE VIEW {{db}}.token_transfers_current {{on_cluster}} AS
SELECT * FROM {{db}}.token_transfers FINAL;

CREATE OR REPLACE VIEW {{db}}.token_transfers_by_address_current {{on_cluster}} AS
SELECT * FROM {{db}}.token_transfers_by_address FINAL;

CREATE OR REPLACE VIEW {{db}}.contracts_current {{on_cluster}} AS
SELECT * FROM {{db}}.contracts FINAL;

/* define blocks_columns:
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    concat('0x', lower(hex(t.parent_hash))) AS parent_hash,
    concat('0x', lower(hex(t.nonce))) AS nonce,
    concat('0x', lower(hex(t.sha3_uncles))) AS sha3_uncles,
    concat('0x', lower(hex(t.logs_bloom))) AS logs_bloom,
    concat('0x', lower(hex(t.transactions_root))) AS transactions_root,
    concat('0x', lower(hex(t.state_root))) AS state_root,
    concat('0x', lower(hex(t.receipts_root))) AS receipts_root,
    concat('0x', lower(hex(t.miner))) AS miner,
    t.difficulty AS difficulty,
    t.total_difficulty AS total_difficulty,
    t.size AS size,
    concat('0x', lower(hex(t.extra_data))) AS extra_data,
    t.gas_limit AS gas_limit,
    t.gas_used AS gas_used,
    t.transaction_count AS transaction_count,
    t.base_fee_per_gas AS base_fee_per_gas,
    concat('0x', lower(hex(t.mix_hash))) AS mix_hash,
    concat('0x', lower(hex(t.withdrawals_root))) AS withdrawals_root,
    arrayMap(x -> CAST((x.index, x.validator_index, concat('0x', lower(hex(x.address))), x.amount), 'Tuple(index UInt64, validator_index UInt64, address String, amount UInt64)'), t.withdrawals) AS withdrawals,
    t.blob_gas_used AS blob_gas_used,
    t.excess_blob_gas AS excess_blob_gas,
    concat('0x', lower(hex(t.parent_beacon_block_root))) AS parent_beacon_block_root,
    concat('0x', lower(hex(t.requests_hash))) AS requests_hash,
    arrayMap(x -> concat('0x', lower(hex(x))), t.uncles) AS uncles,
    t.extra AS extra,
    t.log_count AS log_count,
    t.token_transfer_count AS token_transfer_count,
    t.contract_count AS contract_count */

CREATE OR REPLACE VIEW {{canonical_db}}.blocks {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{blocks_columns}}
FROM {{db}}.blocks_current AS t
WHERE {{visible}};

/* define transactions_columns:
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    concat('0x', lower(hex(t.hash))) AS hash,
    t.transaction_index AS transaction_index,
    concat('0x', lower(hex(t.from_address))) AS from_address,
    concat('0x', lower(hex(t.to_address))) AS to_address,
    t.nonce AS nonce,
    t.value AS value,
    t.gas AS gas,
    t.gas_price AS gas_price,
    concat('0x', lower(hex(t.input))) AS input,
    t.transaction_type AS transaction_type,
    t.max_fee_per_gas AS max_fee_per_gas,
    t.max_priority_fee_per_gas AS max_priority_fee_per_gas,
    t.max_fee_per_blob_gas AS max_fee_per_blob_gas,
    arrayMap(x -> concat('0x', lower(hex(x))), t.blob_versioned_hashes) AS blob_versioned_hashes,
    arrayMap(x -> CAST((concat('0x', lower(hex(x.address))), arrayMap(y -> concat('0x', lower(hex(y))), x.storage_keys)), 'Tuple(address String, storage_keys Array(String))'), t.access_list) AS access_list,
    arrayMap(x -> CAST((x.chain_id, concat('0x', lower(hex(x.address))), x.nonce, x.y_parity, x.r, x.s), 'Tuple(chain_id UInt256, address String, nonce UInt256, y_parity UInt8, r UInt256, s UInt256)'), t.authorization_list) AS authorization_list,
    t.v AS v,
    t.r AS r,
    t.s AS s,
    t.y_parity AS y_parity,
    t.receipt_cumulative_gas_used AS receipt_cumulative_gas_used,
    t.receipt_gas_used AS receipt_gas_used,
    concat('0x', lower(hex(t.receipt_contract_address))) AS receipt_contract_address,
    concat('0x', lower(hex(t.receipt_root))) AS receipt_root,
    t.receipt_status AS receipt_status,
    t.receipt_effective_gas_price AS receipt_effective_gas_price,
    t.receipt_blob_gas_used AS receipt_blob_gas_used,
    t.receipt_blob_gas_price AS receipt_blob_gas_price,
    t.receipt_l1_fee AS receipt_l1_fee,
    t.receipt_l1_gas_used AS receipt_l1_gas_used,
    t.receipt_l1_gas_price AS receipt_l1_gas_price,
    t.receipt_l1_fee_scalar AS receipt_l1_fee_scalar,
    t.receipt_log_count AS receipt_log_count,
    t.extra AS extra,
    t.receipt_extra AS receipt_extra */

CREATE OR REPLACE VIEW {{canonical_db}}.transactions {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{transactions_columns}}
FROM {{db}}.transactions_current AS t
WHERE {{visible}};

/* define logs_columns:
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    t.log_index AS log_index,
    concat('0x', lower(hex(t.transaction_hash))) AS transaction_hash,
    t.transaction_index AS transaction_index,
    concat('0x', lower(hex(t.address))) AS address,
    arrayMap(x -> concat('0x', lower(hex(x))), t.topics) AS topics,
    concat('0x', lower(hex(t.data))) AS data,
    t.extra AS extra,
    if(empty(t.topics), NULL, concat('0x', lower(hex(t.topic0)))) AS topic0 */

CREATE OR REPLACE VIEW {{canonical_db}}.logs {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{logs_columns}}
FROM {{db}}.logs_current AS t
WHERE {{visible}};

/* define token_transfers_columns:
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    t.log_index AS log_index,
    t.batch_index AS batch_index,
    concat('0x', lower(hex(t.transaction_hash))) AS transaction_hash,
    t.transaction_index AS transaction_index,
    concat('0x', lower(hex(t.token_address))) AS token_address,
    t.token_standard AS token_standard,
    concat('0x', lower(hex(t.operator))) AS operator,
    concat('0x', lower(hex(t.from_address))) AS from_address,
    concat('0x', lower(hex(t.to_address))) AS to_address,
    t.token_id AS token_id,
    t.value AS value,
    t.amount AS amount */

CREATE OR REPLACE VIEW {{canonical_db}}.token_transfers {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{token_transfers_columns}}
FROM {{db}}.token_transfers_current AS t
WHERE {{visible}};

/* define token_transfers_by_address_columns:
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    t.log_index AS log_index,
    t.batch_index AS batch_index,
    concat('0x', lower(hex(t.transaction_hash))) AS transaction_hash,
    concat('0x', lower(hex(t.address))) AS address,
    t.direction AS direction,
    concat('0x', lower(hex(t.counterparty))) AS counterparty,
    concat('0x', lower(hex(t.token_address))) AS token_address,
    t.token_standard AS token_standard,
    t.token_id AS token_id,
    t.value AS value */

CREATE OR REPLACE VIEW {{canonical_db}}.token_transfers_by_address {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.token_transfers_by_address_current AS t
WHERE {{visible}};

/* define contracts_columns:
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    concat('0x', lower(hex(t.address))) AS address,
    concat('0x', lower(hex(t.creator_address))) AS creator_address,
    concat('0x', lower(hex(t.transaction_hash))) AS transaction_hash,
    t.transaction_index AS transaction_index */

CREATE OR REPLACE VIEW {{canonical_db}}.contracts {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{contracts_columns}}
FROM {{db}}.contracts_current AS t
WHERE {{visible}};

-- The latest state of each transaction; it has a stream of its own, and does not wait for the block's rows.
CREATE OR REPLACE VIEW {{canonical_db}}.transaction_states {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    concat('0x', lower(hex(t.hash))) AS hash,
    concat('0x', lower(hex(t.sender))) AS sender,
    t.nonce AS nonce,
    t.state AS state,
    t.previous_state AS previous_state,
    t.version AS version,
    t.transaction_index AS transaction_index,
    t.execution_status AS execution_status,
    t.gas_used AS gas_used,
    t.fee_paid AS fee_paid,
    t.first_seen AS first_seen,
    t.included_at AS included_at,
    t.finalized_at AS finalized_at,
    concat('0x', lower(hex(t.replaced_by))) AS replaced_by,
    concat('0x', lower(hex(t.replaces))) AS replaces,
    t.canonical_epoch AS canonical_epoch,
    t.retracts AS retracts,
    t.evidence AS evidence
FROM {{db}}.transaction_states AS t FINAL;

CREATE OR REPLACE VIEW {{canonical_db}}.transaction_state_changes {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    t.block_timestamp AS block_timestamp,
    concat('0x', lower(hex(t.event_id))) AS event_id,
    concat('0x', lower(hex(t.hash))) AS hash,
    concat('0x', lower(hex(t.sender))) AS sender,
    t.nonce AS nonce,
    t.state AS state,
    t.previous_state AS previous_state,
    t.version AS version,
    t.transaction_index AS transaction_index,
    t.execution_status AS execution_status,
    t.gas_used AS gas_used,
    t.fee_paid AS fee_paid,
    t.first_seen AS first_seen,
    t.included_at AS included_at,
    t.finalized_at AS finalized_at,
    concat('0x', lower(hex(t.replaced_by))) AS replaced_by,
    concat('0x', lower(hex(t.replaces))) AS replaces,
    t.canonical_epoch AS canonical_epoch,
    t.retracts AS retracts,
    t.evidence AS evidence
FROM {{db}}.transaction_state_changes AS t FINAL;

-- What the ledger says of each canonical block, and whether its parent is the block before it.
CREATE OR REPLACE VIEW {{canonical_db}}.completeness {{on_cluster}} AS
SELECT
    t.chain_id AS chain_id,
    t.block_number AS block_number,
    concat('0x', lower(hex(t.block_hash))) AS block_hash,
    concat('0x', lower(hex(t.parent_hash))) AS parent_hash,
    t.block_timestamp AS block_timestamp,
    t.complete AS complete,
    t.problem AS problem,
    before.2 = t.parent_hash AND before.1 + 1 = t.block_number AS follows,
    before.1 + 1 < t.block_number AND before.2 != toFixedString('', 32) AS gap_before,
    t.transaction_count AS transaction_count,
    t.log_count AS log_count,
    t.token_transfer_count AS token_transfer_count,
    t.contract_count AS contract_count,
    t.verified AS verified,
    t.sequence AS sequence,
    t.observed_at AS observed_at,
    t.visible_at AS visible_at
FROM
(
    SELECT
        *,
        lagInFrame((block_number, block_hash)) OVER (PARTITION BY chain_id ORDER BY block_number, block_hash) AS before
    FROM {{db}}.coverage FINAL
    WHERE NOT removed
) AS t;

-- What is settled is final: proved by parent hashes from an announced block down.
CREATE OR REPLACE VIEW {{finalized_db}}.blocks {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{blocks_columns}}
FROM {{db}}.blocks_current AS t
WHERE NOT t.removed AND {{row_within}};

CREATE OR REPLACE VIEW {{finalized_db}}.transactions {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{transactions_columns}}
FROM {{db}}.transactions_current AS t
WHERE NOT t.removed AND {{row_within}};

CREATE OR REPLACE VIEW {{finalized_db}}.logs {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{logs_columns}}
FROM {{db}}.logs_current AS t
WHERE NOT t.removed AND {{row_within}};

CREATE OR REPLACE VIEW {{finalized_db}}.token_transfers {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{token_transfers_columns}}
FROM {{db}}.token_transfers_current AS t
WHERE NOT t.removed AND {{row_within}};

CREATE OR REPLACE VIEW {{finalized_db}}.token_transfers_by_address {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.token_transfers_by_address_current AS t
WHERE NOT t.removed AND {{row_within}};

CREATE OR REPLACE VIEW {{finalized_db}}.contracts {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{contracts_columns}}
FROM {{db}}.contracts_current AS t
WHERE NOT t.removed AND {{row_within}};

CREATE OR REPLACE VIEW {{finalized_db}}.transaction_states {{on_cluster}} AS
SELECT * FROM {{canonical_db}}.transaction_states WHERE state = 'FINALIZED';
