-- The views of 0002, which look heights up in the tables of 0005.
--
-- A block shows when coverage has it as whole and canonical; up to where the chain is final that is the rule,
-- and what coverage says otherwise the exception. So a row costs two looks, whatever is missing: is its height
-- among the final ones (roundDown bisects a few edges; the key has the chain's place in its upper bits), and
-- is its block in the set of those about which coverage says the opposite (by half of its hash and
-- the chain's place: chains that parted share the blocks before). In that set are the newest blocks,
-- which show although no height tells so, and those further down that are not whole or were taken back.
--
-- A row that was removed is hidden where its height is among the final ones. Above, where retractions reach
-- the tables one by one, it shows until coverage knows of the event that removed it, so that a block goes, and
-- a repair takes rows from it, in one insert.
--
-- The edges are one value for the whole query, so both looks go by the same ones. Exceptions are read behind
-- the edges, as they are closed behind them, and are written before anything is retracted.
--
-- Why two levels of views: see 0002.

/* define settled:
    (
        SELECT
            (
                groupArray(chain_id),
                arraySort(groupArrayArray(arrayMap(x -> bitShiftLeft(place, 51) + x, edges)))
            )
        FROM
        (
            SELECT chain_id, edges, toUInt64(rowNumberInAllBlocks() + 1) AS place
            FROM
            (
                -- An exception ends what the edges begin at its height and begins it again behind it.
                SELECT
                    chain_id,
                    sumMap(numbers, changes) AS change,
                    arrayMap((number, depth) -> 2 * number + (depth < 1), change.1, arrayCumSum(change.2)) AS edges
                FROM
                (
                    SELECT
                        chain_id,
                        arrayMap(x -> intDiv(x, 2), l.edges) AS numbers,
                        arrayMap(x -> if(bitTest(x, 0), toInt64(-1), toInt64(1)), l.edges) AS changes
                    FROM {{db}}.settled_lookup AS l FINAL
                    UNION ALL
                    SELECT chain_id, [block_number, block_number + 1], [toInt64(-1), toInt64(1)]
                    FROM {{db}}.settled_exceptions FINAL
                    WHERE open
                )
                GROUP BY chain_id
                ORDER BY chain_id
            )
        )
    ) AS settled */
/* define key:
    bitShiftLeft(indexOf(settled.1, t.chain_id), 50) + least(t.block_number, 1125899906842623) */
/* define final:
    (NOT bitTest(roundDown(2 * ({{key}}) + 1, arrayConcat([toUInt64(1)], settled.2)), 0)) */
/* define block:
    bitXor(reinterpretAsUInt128(t.block_hash), indexOf(settled.1, t.chain_id) * 11400714819323198485) */
/* define otherwise:
    {{block}} GLOBAL IN
    (
        SELECT {{block}} FROM {{db}}.coverage_unsettled AS t FINAL
        WHERE (t.complete AND NOT t.removed) != {{final}}
    ) */
/* define known_to_coverage:
    (t.chain_id, t.block_hash, t.sequence) GLOBAL IN
    (
        -- Coverage comes behind the retractions that it knows of, so it is looked at before them.
        SELECT t.chain_id, t.block_hash, r.sequence
        FROM (SELECT * FROM {{db}}.coverage_unsettled FINAL WHERE complete AND NOT removed) AS t
        GLOBAL INNER JOIN (SELECT chain_id, block_hash, sequence FROM {{db}}.retractions_unsettled FINAL) AS r
            ON r.chain_id = t.chain_id AND r.block_hash = t.block_hash
        WHERE r.sequence <= t.sequence AND NOT {{final}}
    ) */
/* define visible:
    {{otherwise}} != {{final}}
    AND (NOT t.removed OR NOT ({{final}} OR {{known_to_coverage}})) */
/* define visible_for_ever:
    {{final}} AND NOT t.removed AND {{key}} GLOBAL NOT IN
    (
        SELECT {{key}} FROM {{db}}.coverage_unsettled AS t FINAL WHERE NOT t.complete AND NOT t.removed AND {{final}}
    ) */

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

-- What is final and whole.
CREATE OR REPLACE VIEW {{finalized_db}}.blocks {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{blocks_columns}}
FROM {{db}}.blocks_current AS t
WHERE {{visible_for_ever}};

CREATE OR REPLACE VIEW {{finalized_db}}.transactions {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{transactions_columns}}
FROM {{db}}.transactions_current AS t
WHERE {{visible_for_ever}};

CREATE OR REPLACE VIEW {{finalized_db}}.logs {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{logs_columns}}
FROM {{db}}.logs_current AS t
WHERE {{visible_for_ever}};

CREATE OR REPLACE VIEW {{finalized_db}}.token_transfers {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{token_transfers_columns}}
FROM {{db}}.token_transfers_current AS t
WHERE {{visible_for_ever}};

CREATE OR REPLACE VIEW {{finalized_db}}.token_transfers_by_address {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.token_transfers_by_address_current AS t
WHERE {{visible_for_ever}};

CREATE OR REPLACE VIEW {{finalized_db}}.contracts {{on_cluster}} AS
WITH {{settled}}
SELECT
    {{contracts_columns}}
FROM {{db}}.contracts_current AS t
WHERE {{visible_for_ever}};

-- Nothing reads these any more.
DROP VIEW IF EXISTS {{db}}.coverage_to_tip {{on_cluster}};
DROP VIEW IF EXISTS {{db}}.blocks_to_tip {{on_cluster}};
DROP VIEW IF EXISTS {{db}}.transaction_states_to_finality {{on_cluster}};
TRUNCATE TABLE IF EXISTS {{table:coverage_tip}} {{on_cluster}};
