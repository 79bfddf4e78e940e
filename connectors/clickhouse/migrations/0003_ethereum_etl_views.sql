-- scope: chain
-- The fields of ethereum-etl 2.4.2's streaming items, in its order and with its values, of one chain.
-- What it derives in another way is derived here as it does: token transfers come from the logs alone.

/* define instant:
    formatDateTime(t.block_timestamp, '%Y-%m-%dT%H:%i:%SZ', 'UTC') */

CREATE DATABASE IF NOT EXISTS {{etl_db}} {{on_cluster}};

CREATE OR REPLACE VIEW {{etl_db}}.blocks {{on_cluster}} AS
SELECT
    'block' AS type,
    t.block_number AS number,
    t.block_hash AS hash,
    t.parent_hash AS parent_hash,
    t.nonce AS nonce,
    t.sha3_uncles AS sha3_uncles,
    t.logs_bloom AS logs_bloom,
    t.transactions_root AS transactions_root,
    t.state_root AS state_root,
    t.receipts_root AS receipts_root,
    t.miner AS miner,
    t.difficulty AS difficulty,
    t.total_difficulty AS total_difficulty,
    t.size AS size,
    t.extra_data AS extra_data,
    t.gas_limit AS gas_limit,
    t.gas_used AS gas_used,
    toUnixTimestamp(t.block_timestamp) AS timestamp,
    t.transaction_count AS transaction_count,
    t.base_fee_per_gas AS base_fee_per_gas,
    t.withdrawals_root AS withdrawals_root,
    t.withdrawals AS withdrawals,
    t.blob_gas_used AS blob_gas_used,
    t.excess_blob_gas AS excess_blob_gas,
    concat('block_', t.block_hash) AS item_id,
    {{instant}} AS item_timestamp
FROM {{canonical_db}}.blocks AS t
WHERE t.chain_id = {{chain_id}};

CREATE OR REPLACE VIEW {{etl_db}}.transactions {{on_cluster}} AS
SELECT
    'transaction' AS type,
    t.hash AS hash,
    t.nonce AS nonce,
    t.transaction_index AS transaction_index,
    t.from_address AS from_address,
    t.to_address AS to_address,
    t.value AS value,
    t.gas AS gas,
    t.gas_price AS gas_price,
    t.input AS input,
    toUnixTimestamp(t.block_timestamp) AS block_timestamp,
    t.block_number AS block_number,
    t.block_hash AS block_hash,
    t.max_fee_per_gas AS max_fee_per_gas,
    t.max_priority_fee_per_gas AS max_priority_fee_per_gas,
    t.transaction_type AS transaction_type,
    t.max_fee_per_blob_gas AS max_fee_per_blob_gas,
    t.blob_versioned_hashes AS blob_versioned_hashes,
    t.receipt_cumulative_gas_used AS receipt_cumulative_gas_used,
    t.receipt_gas_used AS receipt_gas_used,
    t.receipt_contract_address AS receipt_contract_address,
    t.receipt_root AS receipt_root,
    t.receipt_status AS receipt_status,
    t.receipt_effective_gas_price AS receipt_effective_gas_price,
    t.receipt_l1_fee AS receipt_l1_fee,
    t.receipt_l1_gas_used AS receipt_l1_gas_used,
    t.receipt_l1_gas_price AS receipt_l1_gas_price,
    toFloat64OrNull(t.receipt_l1_fee_scalar) AS receipt_l1_fee_scalar,
    t.receipt_blob_gas_price AS receipt_blob_gas_price,
    t.receipt_blob_gas_used AS receipt_blob_gas_used,
    concat('transaction_', t.hash) AS item_id,
    {{instant}} AS item_timestamp
FROM {{canonical_db}}.transactions AS t
WHERE t.chain_id = {{chain_id}};

CREATE OR REPLACE VIEW {{etl_db}}.receipts {{on_cluster}} AS
SELECT
    'receipt' AS type,
    t.hash AS transaction_hash,
    t.transaction_index AS transaction_index,
    t.block_hash AS block_hash,
    t.block_number AS block_number,
    t.receipt_cumulative_gas_used AS cumulative_gas_used,
    t.receipt_gas_used AS gas_used,
    t.receipt_contract_address AS contract_address,
    t.receipt_root AS root,
    t.receipt_status AS status,
    t.receipt_effective_gas_price AS effective_gas_price,
    t.receipt_l1_fee AS l1_fee,
    t.receipt_l1_gas_used AS l1_gas_used,
    t.receipt_l1_gas_price AS l1_gas_price,
    toFloat64OrNull(t.receipt_l1_fee_scalar) AS l1_fee_scalar,
    t.receipt_blob_gas_price AS blob_gas_price,
    t.receipt_blob_gas_used AS blob_gas_used
FROM {{canonical_db}}.transactions AS t
WHERE t.chain_id = {{chain_id}};

CREATE OR REPLACE VIEW {{etl_db}}.logs {{on_cluster}} AS
SELECT
    'log' AS type,
    t.log_index AS log_index,
    t.transaction_hash AS transaction_hash,
    t.transaction_index AS transaction_index,
    t.address AS address,
    t.data AS data,
    t.topics AS topics,
    t.block_number AS block_number,
    toUnixTimestamp(t.block_timestamp) AS block_timestamp,
    t.block_hash AS block_hash,
    concat('log_', t.transaction_hash, '_', toString(t.log_index)) AS item_id,
    {{instant}} AS item_timestamp
FROM {{canonical_db}}.logs AS t
WHERE t.chain_id = {{chain_id}};

-- EthTokenTransferExtractor: topic 0 is Transfer(address,address,uint256), and topics and data words, the
-- last of them perhaps shorter than 32 bytes, are four together: from, to and the amount or token id.
CREATE OR REPLACE VIEW {{etl_db}}.token_transfers {{on_cluster}} AS
WITH
    arrayConcat(
        t.topics,
        arrayMap(
            n -> concat('0x', substring(t.data, 3 + 64 * n, 64)),
            range(intDiv(length(t.data) - 2 + 63, 64))
        )
    ) AS words
SELECT
    'token_transfer' AS type,
    t.address AS token_address,
    concat('0x', right(words[2], 40)) AS from_address,
    concat('0x', right(words[3], 40)) AS to_address,
    reinterpretAsUInt256(reverse(unhex(substring(words[4], 3)))) AS value,
    t.transaction_hash AS transaction_hash,
    t.log_index AS log_index,
    t.block_number AS block_number,
    toUnixTimestamp(t.block_timestamp) AS block_timestamp,
    t.block_hash AS block_hash,
    concat('token_transfer_', t.transaction_hash, '_', toString(t.log_index)) AS item_id,
    {{instant}} AS item_timestamp
FROM {{canonical_db}}.logs AS t
WHERE t.chain_id = {{chain_id}}
    AND t.topic0 = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
    AND length(t.topics) + intDiv(length(t.data) - 2 + 63, 64) = 4;
