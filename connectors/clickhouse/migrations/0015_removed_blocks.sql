-- Whether a row of a settled table is of a block that was removed since: looked up in a table that is made once a
-- query. has() went through all of these blocks for each row: 13 s for a million rows and 1,000 removed blocks, where
-- this takes 0.2 s. So does indexOfAssumeSorted, for all its name. For a few has() is the cheaper one.

-- The definitions of 0013, but for the last line of in_second_half.
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
-- A row stands in one half of a view: where its height was moved in the second, else in the first, which
-- decides as before. What coverage says of a block that stands, under a later sequence than the move's, comes
-- behind all of the block's rows, so from then on the tables that the sink writes decide: the height is an
-- exception. Of its rows those count that are newer than the move: a replay brings older ones, without what
-- took them back. A block that coverage has as removed since then is hidden.
--
-- One scalar for both halves and for all views of a query, so that they go by the same state. The settled table
-- comes last: its parts are pinned behind the scalar, and rows are in it before they count.
--
-- moved: chains; edges of the heights that were moved; where a chain's moved rows end, as a number and as
-- edges; the exceptions, ascending; the exceptions again, and the sequence behind which the rows of each count;
-- removed blocks. Edges and exceptions have the chain's place in their upper bits, blocks are as in `block`.
/* define moved_and_said:
                    SELECT
                        chain_id, edges AS heights, ending AS until, exceptions AS apart, sequence AS latest,
                        CAST([], 'Array(Tuple(UInt64, UInt64))') AS standing,
                        CAST([], 'Array(Tuple(UInt64, UInt64, FixedString(32)))') AS gone,
                        CAST([], 'Array(UInt64)') AS opened
                    FROM {{db}}.moved FINAL
                    UNION ALL
                    SELECT
                        chain_id, [], 0, [], 0,
                        groupArrayIf((block_number, t.sequence), NOT removed),
                        groupArrayIf((block_number, t.sequence, block_hash), removed),
                        []
                    FROM {{db}}.coverage_unsettled AS t FINAL
                    GROUP BY chain_id */
/* define and_opened:
                    UNION ALL
                    SELECT chain_id, [], 0, [], 0, [], [], groupArray(block_number)
                    FROM {{db}}.settled_exceptions FINAL
                    WHERE open
                    GROUP BY chain_id */
/* define moved_begin:
    (
        SELECT
            (
                groupArray(chain_id),
                arraySort(groupArrayArray(arrayMap(x -> bitShiftLeft(place, 51) + x, edges))),
                groupArray(ending),
                arraySort(groupArrayArray(arrayMap(x -> bitShiftLeft(place, 51) + x, [0, 2 * ending + 1]))),
                arraySort(groupArrayArray(arrayMap(x -> bitShiftLeft(place, 50) + x.1, exceptions))),
                groupArrayArray(arrayMap(x -> bitShiftLeft(place, 50) + x.1, exceptions)),
                groupArrayArray(arrayMap(x -> x.2, exceptions)),
                groupArrayArray(arrayMap(x -> bitXor(reinterpretAsUInt128(x), place * 11400714819323198485), hashes))
            )
        FROM
        (
            SELECT chain_id, edges, ending, exceptions, hashes, toUInt64(rowNumberInAllBlocks() + 1) AS place
            FROM
            (
                SELECT
                    chain_id,
                    groupArrayArray(heights) AS edges,
                    max(until) AS ending,
                    max(latest) AS sequence,
                    groupArrayArray(apart) AS known,
                    arrayConcat(
                        known,
                        arrayDistinct(arrayMap(x -> (x.1, sequence), arrayFilter(
                            x -> x.1 < ending AND x.2 > sequence AND NOT has(known.1, x.1), groupArrayArray(standing)
                        )))
                    ) AS changed,
                    arrayConcat(changed, arrayMap(
                        x -> (x, 18446744073709551615),
                        arrayFilter(x -> NOT has(changed.1, x), groupArrayArray(opened))
                    )) AS exceptions,
                    arrayMap(
                        x -> x.3,
                        arrayFilter(x -> x.1 < ending AND x.2 > sequence, groupArrayArray(gone))
                    ) AS hashes
                FROM
                ( */
/* define moved_end:
                )
                GROUP BY chain_id
                ORDER BY chain_id
            )
        )
    ) AS moved */
/* define moved:
    {{moved_begin}}
    {{moved_and_said}}
    {{moved_end}} */
/* define moved_finally:
    {{moved_begin}}
    {{moved_and_said}}
    {{and_opened}}
    {{moved_end}} */
/* define moved_key:
    bitShiftLeft(indexOf(moved.1, t.chain_id), 50) + least(t.block_number, 1125899906842623) */
/* define among_exceptions:
    roundDown({{moved_key}}, arrayConcat([toUInt64(0)], moved.5)) = {{moved_key}} */
/* define in_first_half:
    (
        bitTest(roundDown(2 * ({{moved_key}}) + 1, arrayConcat([toUInt64(1)], moved.2)), 0)
        OR
        (
            notEmpty(moved.5) AND {{among_exceptions}}
            AND t.sequence > transform(
                {{moved_key}}, arrayPushBack(moved.6, toUInt64(0)), arrayPushBack(moved.7, toUInt64(0)), toUInt64(0)
            )
        )
    ) */
/* define moved_block:
    bitXor(reinterpretAsUInt128(t.block_hash), indexOf(moved.1, t.chain_id) * 11400714819323198485) */
/* define in_second_half:
    if(
        length(moved.1) = 1,
        t.chain_id = moved.1[1] AND t.block_number < moved.3[1],
        NOT bitTest(roundDown(2 * ({{moved_key}}) + 1, arrayConcat([toUInt64(1)], moved.4)), 0)
    )
    AND (empty(moved.5) OR NOT ({{among_exceptions}}))
    AND
    (
        empty(moved.8)
        OR if(
            length(moved.8) < 8,
            NOT has(moved.8, {{moved_block}}),
            transform(
                {{moved_block}},
                arrayPushBack(moved.8, toUInt128(0)),
                arrayPushBack(arrayWithConstant(length(moved.8), toUInt8(1)), toUInt8(0)),
                toUInt8(0)
            ) = 0
        )
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

CREATE OR REPLACE VIEW {{canonical_db}}.blocks {{on_cluster}} AS
WITH {{settled}}, {{moved}}
SELECT
    {{blocks_columns}}
FROM {{db}}.blocks_current AS t
WHERE {{in_first_half}} AND {{visible}}
UNION ALL
SELECT
    {{blocks_columns}}
FROM {{db}}.settled_blocks AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{canonical_db}}.transactions {{on_cluster}} AS
WITH {{settled}}, {{moved}}
SELECT
    {{transactions_columns}}
FROM {{db}}.transactions_current AS t
WHERE {{in_first_half}} AND {{visible}}
UNION ALL
SELECT
    {{transactions_columns}}
FROM {{db}}.settled_transactions AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{canonical_db}}.logs {{on_cluster}} AS
WITH {{settled}}, {{moved}}
SELECT
    {{logs_columns}}
FROM {{db}}.logs_current AS t
WHERE {{in_first_half}} AND {{visible}}
UNION ALL
SELECT
    {{logs_columns}}
FROM {{db}}.settled_logs AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{canonical_db}}.token_transfers {{on_cluster}} AS
WITH {{settled}}, {{moved}}
SELECT
    {{token_transfers_columns}}
FROM {{db}}.token_transfers_current AS t
WHERE {{in_first_half}} AND {{visible}}
UNION ALL
SELECT
    {{token_transfers_columns}}
FROM {{db}}.settled_token_transfers AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{canonical_db}}.token_transfers_by_address {{on_cluster}} AS
WITH {{settled}}, {{moved}}
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.token_transfers_by_address_current AS t
WHERE {{in_first_half}} AND {{visible}}
UNION ALL
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.settled_token_transfers_by_address AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{canonical_db}}.contracts {{on_cluster}} AS
WITH {{settled}}, {{moved}}
SELECT
    {{contracts_columns}}
FROM {{db}}.contracts_current AS t
WHERE {{in_first_half}} AND {{visible}}
UNION ALL
SELECT
    {{contracts_columns}}
FROM {{db}}.settled_contracts AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{finalized_db}}.blocks {{on_cluster}} AS
WITH {{settled}}, {{moved_finally}}
SELECT
    {{blocks_columns}}
FROM {{db}}.blocks_current AS t
WHERE {{in_first_half}} AND {{visible_for_ever}}
UNION ALL
SELECT
    {{blocks_columns}}
FROM {{db}}.settled_blocks AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{finalized_db}}.transactions {{on_cluster}} AS
WITH {{settled}}, {{moved_finally}}
SELECT
    {{transactions_columns}}
FROM {{db}}.transactions_current AS t
WHERE {{in_first_half}} AND {{visible_for_ever}}
UNION ALL
SELECT
    {{transactions_columns}}
FROM {{db}}.settled_transactions AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{finalized_db}}.logs {{on_cluster}} AS
WITH {{settled}}, {{moved_finally}}
SELECT
    {{logs_columns}}
FROM {{db}}.logs_current AS t
WHERE {{in_first_half}} AND {{visible_for_ever}}
UNION ALL
SELECT
    {{logs_columns}}
FROM {{db}}.settled_logs AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{finalized_db}}.token_transfers {{on_cluster}} AS
WITH {{settled}}, {{moved_finally}}
SELECT
    {{token_transfers_columns}}
FROM {{db}}.token_transfers_current AS t
WHERE {{in_first_half}} AND {{visible_for_ever}}
UNION ALL
SELECT
    {{token_transfers_columns}}
FROM {{db}}.settled_token_transfers AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{finalized_db}}.token_transfers_by_address {{on_cluster}} AS
WITH {{settled}}, {{moved_finally}}
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.token_transfers_by_address_current AS t
WHERE {{in_first_half}} AND {{visible_for_ever}}
UNION ALL
SELECT
    {{token_transfers_by_address_columns}}
FROM {{db}}.settled_token_transfers_by_address AS t
WHERE {{in_second_half}};

CREATE OR REPLACE VIEW {{finalized_db}}.contracts {{on_cluster}} AS
WITH {{settled}}, {{moved_finally}}
SELECT
    {{contracts_columns}}
FROM {{db}}.contracts_current AS t
WHERE {{in_first_half}} AND {{visible_for_ever}}
UNION ALL
SELECT
    {{contracts_columns}}
FROM {{db}}.settled_contracts AS t
WHERE {{in_second_half}};
