-- What is settled, as ranges and sets: heights are looked up at the same cost however many are missing, and
-- no statement carries a list of them. Replaces settled, settled_holes, coverage_tip and finality of 0001,
-- which nothing reads after 0006 (a process that migrates at the same time may still be creating them, so
-- they are left, empty or small).
-- What is folded together lives on one shard, the chain's: a view that moves rows of another sharding writes
-- to the Distributed table.

-- The part of coverage that views look at: all that is not settled. What is settled is deleted from it.
-- Not partitioned by height: a thousand blocks that stay incomplete would be a thousand parts to read.
CREATE TABLE IF NOT EXISTS {{table:coverage_unsettled}} {{on_cluster}}
(
    chain_id UInt64,
    block_number UInt64,
    parent_hash FixedString(32),
    block_hash FixedString(32),
    sequence UInt64,
    removed Bool,
    complete Bool
)
ENGINE = {{engine:coverage_unsettled:sequence}}
PARTITION BY chain_id
ORDER BY (chain_id, block_number, block_hash);
-- shard coverage_unsettled by sipHash64(chain_id)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.coverage_to_unsettled {{on_cluster}}
TO {{table:coverage_unsettled}} AS
SELECT chain_id, block_number, parent_hash, block_hash, sequence, removed, complete FROM {{table:coverage}};

-- A fork never shows two blocks at one height: the blocks topic is keyed by number, so when a new block may
-- show, the retraction of the old one has passed through here, wherever its coverage record is.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.blocks_to_unsettled {{on_cluster}}
TO {{db}}.coverage_unsettled AS
SELECT chain_id, block_number, parent_hash, block_hash, sequence, removed, true AS complete
FROM {{table:blocks}}
WHERE removed;

-- Which events retracted rows of which blocks: what a repair or a revert took away, for blocks that are not
-- settled. The row of `blocks` says it through coverage_unsettled.
CREATE TABLE IF NOT EXISTS {{table:retractions_unsettled}} {{on_cluster}}
(
    chain_id UInt64,
    block_number UInt64,
    block_hash FixedString(32),
    sequence UInt64
)
ENGINE = {{engine:retractions_unsettled:sequence}}
PARTITION BY chain_id
ORDER BY (chain_id, block_number, block_hash, sequence);
-- shard retractions_unsettled by sipHash64(chain_id)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.transactions_to_retractions {{on_cluster}}
TO {{db}}.retractions_unsettled AS
SELECT DISTINCT chain_id, block_number, block_hash, sequence FROM {{table:transactions}} WHERE removed;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.logs_to_retractions {{on_cluster}}
TO {{db}}.retractions_unsettled AS
SELECT DISTINCT chain_id, block_number, block_hash, sequence FROM {{table:logs}} WHERE removed;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.token_transfers_to_retractions {{on_cluster}}
TO {{db}}.retractions_unsettled AS
SELECT DISTINCT chain_id, block_number, block_hash, sequence FROM {{table:token_transfers}} WHERE removed;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.contracts_to_retractions {{on_cluster}}
TO {{db}}.retractions_unsettled AS
SELECT DISTINCT chain_id, block_number, block_hash, sequence FROM {{table:contracts}} WHERE removed;

-- Heights that were found final and whole with every orphan there retracted in every table. Rows are only
-- ever added, and each stays true but for settled_exceptions: so writers need no order among them, and of
-- two with the same beginning the longer one holds.
CREATE TABLE IF NOT EXISTS {{table:settled_ranges}} {{on_cluster}}
(
    chain_id UInt64,
    first_number UInt64,
    last_number UInt64
)
ENGINE = {{engine:settled_ranges:last_number}}
ORDER BY (chain_id, first_number);
-- shard settled_ranges by sipHash64(chain_id)

-- Settled heights that coverage decides again: open by a retraction's sequence, closed by that of the
-- FINALIZED event under which the height was settled anew. The higher sequence holds.
CREATE TABLE IF NOT EXISTS {{table:settled_exceptions}} {{on_cluster}}
(
    chain_id UInt64,
    block_number UInt64,
    open Bool,
    sequence UInt64
)
ENGINE = {{engine:settled_exceptions:sequence}}
ORDER BY (chain_id, block_number);
-- shard settled_exceptions by sipHash64(chain_id)

-- In the form in which views look heights up (connectors/clickhouse/visibility/heights.py), a row a chain:
-- settled_ranges, and between them the final blocks of which coverage says that they are not whole. The row with
-- the most settled heights holds: it contains the others. sequence: the FINALIZED event under which this was
-- settled.
CREATE TABLE IF NOT EXISTS {{table:settled_lookup}} {{on_cluster}}
(
    chain_id UInt64,
    edges Array(UInt64),
    heights UInt64,
    sequence UInt64,
    settled_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:settled_lookup:heights}}
ORDER BY chain_id;
-- shard settled_lookup by sipHash64(chain_id)

-- Blocks that were announced as final, one an insert at most, and blocks that were taken back (removed):
-- the later word on a block holds. Announcements come from transaction states because those are made behind
-- everything else: when one is here, all that the chain said before it is in Kafka.
CREATE TABLE IF NOT EXISTS {{table:finalized_blocks}} {{on_cluster}}
(
    chain_id UInt64,
    removed Bool,
    block_number UInt64,
    block_hash FixedString(32),
    sequence UInt64
)
ENGINE = {{engine:finalized_blocks:sequence}}
ORDER BY (chain_id, removed, block_number, block_hash);
-- shard finalized_blocks by sipHash64(chain_id)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.transaction_states_to_finalized_blocks {{on_cluster}}
TO {{db}}.finalized_blocks AS
SELECT
    chain_id,
    false AS removed,
    (argMax((assumeNotNull(s.block_number), assumeNotNull(s.block_hash), s.sequence), assumeNotNull(s.block_number)) AS last).1 AS block_number,
    last.2 AS block_hash,
    last.3 AS sequence
FROM {{table:transaction_states}} AS s
WHERE state = 'FINALIZED' AND isNotNull(s.block_number) AND isNotNull(s.block_hash)
GROUP BY chain_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.coverage_to_finalized_blocks {{on_cluster}}
TO {{table:finalized_blocks}} AS
SELECT chain_id, removed, block_number, block_hash, sequence FROM {{table:coverage}} WHERE removed;

-- What stands already. The order matters while a sink goes on settling by the old tables: what it settles
-- between the first statement and the last is in both.
INSERT INTO {{db}}.coverage_unsettled (chain_id, block_number, parent_hash, block_hash, sequence, removed, complete)
SELECT c.chain_id, c.block_number, c.parent_hash, c.block_hash, c.sequence, c.removed, c.complete
FROM {{db}}.coverage AS c
LEFT JOIN (SELECT chain_id, from_number, to_number FROM {{db}}.settled FINAL) AS s ON s.chain_id = c.chain_id
WHERE s.to_number = 0 OR c.block_number NOT BETWEEN s.from_number AND s.to_number
    OR (c.chain_id, c.block_number) GLOBAL IN
    (
        SELECT chain_id, block_number FROM {{db}}.settled_holes FINAL WHERE open
    );

INSERT INTO {{db}}.coverage_unsettled (chain_id, block_number, parent_hash, block_hash, sequence, removed, complete)
SELECT b.chain_id, b.block_number, b.parent_hash, b.block_hash, b.sequence, b.removed, true
FROM {{db}}.blocks AS b
LEFT JOIN (SELECT chain_id, from_number, to_number FROM {{db}}.settled FINAL) AS s ON s.chain_id = b.chain_id
WHERE b.removed
    AND
    (
        s.to_number = 0 OR b.block_number NOT BETWEEN s.from_number AND s.to_number
        OR (b.chain_id, b.block_number) GLOBAL IN
        (
            SELECT chain_id, block_number FROM {{db}}.settled_holes FINAL WHERE open
        )
    );

INSERT INTO {{db}}.finalized_blocks (chain_id, removed, block_number, block_hash, sequence)
SELECT chain_id, false, block_number, block_hash, sequence FROM {{db}}.finality;

INSERT INTO {{db}}.finalized_blocks (chain_id, removed, block_number, block_hash, sequence)
SELECT chain_id, removed, block_number, block_hash, sequence FROM {{db}}.coverage WHERE removed;

/* define old_ranges:
    (
        SELECT
            s.chain_id AS chain_id,
            arraySort(arrayFilter(x -> x BETWEEN s.from_number AND s.to_number, h.numbers)) AS holes,
            arrayFilter(
                x -> x.1 < x.2,
                arrayZip(arrayConcat([s.from_number], arrayMap(x -> x + 1, holes)), arrayConcat(holes, [s.to_number + 1]))
            ) AS pieces
        FROM {{db}}.settled AS s FINAL
        LEFT JOIN
        (
            SELECT chain_id, groupArray(block_number) AS numbers FROM {{db}}.settled_holes FINAL WHERE open GROUP BY chain_id
        ) AS h ON h.chain_id = s.chain_id
    ) */

INSERT INTO {{db}}.settled_ranges (chain_id, first_number, last_number)
SELECT chain_id, piece.1, toUInt64(piece.2 - 1) FROM {{old_ranges}} ARRAY JOIN pieces AS piece;

INSERT INTO {{db}}.settled_lookup (chain_id, edges, heights, sequence)
SELECT chain_id, arrayFlatten(arrayMap(x -> [2 * x.1, 2 * x.2 + 1], pieces)), arraySum(arrayMap(x -> x.2 - x.1, pieces)), 0
FROM {{old_ranges}};
