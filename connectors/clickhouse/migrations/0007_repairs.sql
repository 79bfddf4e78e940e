-- Blocks that operators asked to be said again, and what came of it.

-- Copy of the repairs topic: the latest decision on a request holds (one that was interrupted is made again,
-- under another sequence).
CREATE TABLE IF NOT EXISTS {{table:repairs}} {{on_cluster}}
(
    chain_id UInt64,
    request_id String,
    block_number UInt64,
    block_hash Nullable(FixedString(32)),
    refetch Bool,
    reason String,
    requested_by String,
    requested_at DateTime64(3, 'UTC'),
    letter_topic Nullable(String),
    letter_partition Nullable(UInt32),
    letter_offset Nullable(UInt64),
    outcome LowCardinality(String),
    sequence Nullable(UInt64),
    removed Bool,
    source Nullable(String),
    problem Nullable(String),
    decided_at DateTime64(3, 'UTC')
)
ENGINE = {{engine:repairs:decided_at}}
ORDER BY (chain_id, request_id);
-- shard repairs by sipHash64(chain_id)

-- Of a repair that was published coverage and the dead letters tell the rest: of sequence and those behind it
-- coverage says that the block is whole, or a letter has the repair's sequence and says what failed again.
CREATE OR REPLACE VIEW {{db}}.repair_outcomes {{on_cluster}} AS
SELECT
    r.chain_id AS chain_id,
    r.request_id AS request_id,
    r.block_number AS block_number,
    r.block_hash AS block_hash,
    r.refetch AS refetch,
    r.reason AS reason,
    r.requested_by AS requested_by,
    r.requested_at AS requested_at,
    r.letter_topic AS letter_topic,
    r.letter_partition AS letter_partition,
    r.letter_offset AS letter_offset,
    r.sequence AS sequence,
    r.removed AS removed,
    r.source AS source,
    r.decided_at AS decided_at,
    multiIf(
        r.outcome = 'REFUSED', 'refused',
        r.outcome != 'PUBLISHED', 'unknown',
        l.sequence != 0, 'failed again',
        arrayExists(x -> x.2 >= r.sequence AND x.3 AND coalesce(x.1 = r.block_hash, true), c.known), 'repaired',
        'under way'
    ) AS result,
    if(l.sequence != 0, l.stage, NULL) AS failed_stage,
    if(l.sequence != 0, l.message, r.problem) AS why
FROM (SELECT * FROM {{db}}.repairs FINAL) AS r
GLOBAL LEFT JOIN
(
    SELECT chain_id, block_number, groupArray((block_hash, sequence, complete)) AS known
    FROM {{db}}.coverage FINAL
    WHERE (chain_id, block_number) GLOBAL IN (SELECT chain_id, block_number FROM {{db}}.repairs)
    GROUP BY chain_id, block_number
) AS c ON c.chain_id = r.chain_id AND c.block_number = r.block_number
GLOBAL LEFT JOIN
(
    SELECT
        toUInt64OrZero(headers['chain-id']) AS chain_id,
        toUInt64OrZero(headers['sequence']) AS sequence,
        argMin(d.stage, failed_at) AS stage,
        argMin(error_message, failed_at) AS message
    FROM {{db}}.dead_letters AS d
    WHERE sequence != 0 AND sequence GLOBAL IN (SELECT assumeNotNull(sequence) FROM {{db}}.repairs WHERE isNotNull(sequence))
    GROUP BY chain_id, sequence
) AS l ON l.chain_id = r.chain_id AND l.sequence = ifNull(r.sequence, 0);

CREATE OR REPLACE VIEW {{canonical_db}}.repairs {{on_cluster}} AS
SELECT
    chain_id,
    request_id,
    block_number,
    concat('0x', lower(hex(block_hash))) AS block_hash,
    result AS outcome,
    failed_stage,
    why AS problem,
    sequence,
    removed,
    source,
    refetch,
    reason,
    requested_by,
    requested_at,
    decided_at,
    letter_topic,
    letter_partition,
    letter_offset
FROM {{db}}.repair_outcomes;

-- A dead letter's block is the one that coverage has its sequence for, or that a repair names with the hash that
-- the letter's trace begins with. Its repair is the latest that was asked for it, or for its block since.
CREATE OR REPLACE VIEW {{canonical_db}}.dead_letters {{on_cluster}} AS
WITH
    arraySort(x -> x.1, arrayConcat(p.asked, arrayFilter(x -> x.7 >= l.failed_at, b.asked))) AS asked
SELECT
    l.chain_id AS chain_id,
    nullIf(l.sequence, 0) AS sequence,
    multiIf(c.sequence != 0, c.block_number, notEmpty(asked), asked[-1].2, NULL) AS block_number,
    multiIf(c.sequence != 0, concat('0x', lower(hex(c.block_hash))), notEmpty(asked), concat('0x', lower(hex(asked[-1].3))), NULL) AS block_hash,
    l.stage AS stage,
    l.topic AS topic,
    l.partition AS partition,
    l.offset AS offset,
    l.error_class AS error_class,
    l.error_message AS error_message,
    l.failed_at AS failed_at,
    if(notEmpty(asked), asked[-1].4, NULL) AS repair,
    if(notEmpty(asked), asked[-1].5, NULL) AS repair_outcome,
    if(notEmpty(asked), asked[-1].6, NULL) AS repair_problem
FROM
(
    SELECT
        topic, partition, offset, stage, error_class, error_message, failed_at,
        toUInt64OrZero(headers['chain-id']) AS chain_id,
        toUInt64OrZero(headers['sequence']) AS sequence,
        -- The trace of a block's messages is the first 24 bytes of its hash.
        unhex(replaceAll(substring(headers['traceparent'], 4, 49), '-', '')) AS trace
    FROM {{db}}.dead_letters FINAL
    -- A letter that was sent again is a copy.
    ORDER BY failed_at DESC
    LIMIT 1 BY topic, partition, offset, stage
) AS l
GLOBAL LEFT JOIN
(
    SELECT chain_id, sequence, any(block_number) AS block_number, any(block_hash) AS block_hash
    FROM {{db}}.coverage FINAL
    WHERE sequence GLOBAL IN (SELECT toUInt64OrZero(headers['sequence']) FROM {{db}}.dead_letters)
    GROUP BY chain_id, sequence
) AS c ON c.chain_id = l.chain_id AND c.sequence = l.sequence
GLOBAL LEFT JOIN
(
    SELECT
        chain_id,
        substring(assumeNotNull(block_hash), 1, 24) AS trace,
        groupArray((decided_at, block_number, block_hash, request_id, result, why, requested_at)) AS asked
    FROM {{db}}.repair_outcomes
    WHERE isNotNull(block_hash)
    GROUP BY chain_id, trace
) AS b ON b.chain_id = l.chain_id AND b.trace = l.trace
GLOBAL LEFT JOIN
(
    SELECT
        assumeNotNull(letter_topic) AS topic,
        assumeNotNull(letter_partition) AS partition,
        assumeNotNull(letter_offset) AS offset,
        groupArray((decided_at, block_number, block_hash, request_id, result, why, requested_at)) AS asked
    FROM {{db}}.repair_outcomes
    WHERE isNotNull(letter_topic)
    GROUP BY topic, partition, offset
) AS p ON p.topic = l.topic AND toInt64(p.partition) = toInt64(l.partition) AND toInt64(p.offset) = l.offset;
