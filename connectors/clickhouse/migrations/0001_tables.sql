-- Tables of the public topics, what the sink keeps about itself, and the second access paths.
-- Dialect of connectors/clickhouse/ddl.py: {{db}} is the database, {{on_cluster}} is empty on one
-- server, {{table:NAME}} is the table that holds rows on a node, {{engine:NAME:VERSION}} its engine;
-- "-- shard NAME by EXPRESSION" makes the Distributed table over it where there is a cluster.
-- Columns have the names and the order of the Avro schemas; wei and uint256 are UInt256, an array that
-- may be null in Avro is empty here (transaction_type and withdrawals_root still tell the two apart).

CREATE TABLE IF NOT EXISTS {{table:blocks}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32),
    block_timestamp DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    parent_hash FixedString(32),
    nonce Nullable(String) CODEC(ZSTD(1)),
    sha3_uncles FixedString(32) CODEC(ZSTD(1)),
    logs_bloom Nullable(String) CODEC(ZSTD(1)),
    transactions_root FixedString(32),
    state_root FixedString(32),
    receipts_root FixedString(32),
    miner FixedString(20) CODEC(ZSTD(1)),
    difficulty UInt256 CODEC(ZSTD(1)),
    total_difficulty Nullable(UInt256) CODEC(ZSTD(1)),
    size Nullable(UInt64) CODEC(ZSTD(1)),
    extra_data String CODEC(ZSTD(1)),
    gas_limit UInt64 CODEC(Delta, ZSTD(1)),
    gas_used UInt64 CODEC(ZSTD(1)),
    transaction_count UInt32 CODEC(ZSTD(1)),
    base_fee_per_gas Nullable(UInt256) CODEC(ZSTD(1)),
    mix_hash Nullable(FixedString(32)),
    withdrawals_root Nullable(FixedString(32)),
    withdrawals Array(Tuple(index UInt64, validator_index UInt64, address FixedString(20), amount UInt64)) CODEC(ZSTD(1)),
    blob_gas_used Nullable(UInt64) CODEC(ZSTD(1)),
    excess_blob_gas Nullable(UInt64) CODEC(ZSTD(1)),
    parent_beacon_block_root Nullable(FixedString(32)),
    requests_hash Nullable(FixedString(32)),
    uncles Array(FixedString(32)) CODEC(ZSTD(1)),
    extra Nullable(String) CODEC(ZSTD(1)),
    log_count UInt32 CODEC(ZSTD(1)),
    token_transfer_count UInt32 CODEC(ZSTD(1)),
    contract_count UInt32 CODEC(ZSTD(1)),
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash))),
    INDEX block_timestamp_range block_timestamp TYPE minmax GRANULARITY 1,
    INDEX block_hash_bloom block_hash TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX block_hash_hex_bloom concat('0x', lower(hex(block_hash))) TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = {{engine:blocks:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, block_number, block_hash);
-- shard blocks by sipHash64(chain_id, block_number)

CREATE TABLE IF NOT EXISTS {{table:transactions}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32) CODEC(ZSTD(1)),
    block_timestamp DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    hash FixedString(32),
    transaction_index UInt32 CODEC(Delta, ZSTD(1)),
    from_address FixedString(20) CODEC(ZSTD(1)),
    to_address Nullable(FixedString(20)) CODEC(ZSTD(1)),
    nonce UInt64 CODEC(ZSTD(1)),
    value UInt256 CODEC(ZSTD(1)),
    gas UInt64 CODEC(ZSTD(1)),
    gas_price Nullable(UInt256) CODEC(ZSTD(1)),
    input String CODEC(ZSTD(1)),
    transaction_type UInt64 CODEC(ZSTD(1)),
    max_fee_per_gas Nullable(UInt256) CODEC(ZSTD(1)),
    max_priority_fee_per_gas Nullable(UInt256) CODEC(ZSTD(1)),
    max_fee_per_blob_gas Nullable(UInt256) CODEC(ZSTD(1)),
    blob_versioned_hashes Array(FixedString(32)) CODEC(ZSTD(1)),
    access_list Array(Tuple(address FixedString(20), storage_keys Array(FixedString(32)))) CODEC(ZSTD(1)),
    authorization_list Array(Tuple(chain_id UInt256, address FixedString(20), nonce UInt256, y_parity UInt8, r UInt256, s UInt256)) CODEC(ZSTD(1)),
    v Nullable(UInt256) CODEC(ZSTD(1)),
    r Nullable(UInt256) CODEC(ZSTD(1)),
    s Nullable(UInt256) CODEC(ZSTD(1)),
    y_parity Nullable(UInt8) CODEC(ZSTD(1)),
    receipt_cumulative_gas_used UInt64 CODEC(Delta, ZSTD(1)),
    receipt_gas_used UInt64 CODEC(ZSTD(1)),
    receipt_contract_address Nullable(FixedString(20)) CODEC(ZSTD(1)),
    receipt_root Nullable(FixedString(32)) CODEC(ZSTD(1)),
    receipt_status Nullable(UInt8) CODEC(ZSTD(1)),
    receipt_effective_gas_price Nullable(UInt256) CODEC(ZSTD(1)),
    receipt_blob_gas_used Nullable(UInt64) CODEC(ZSTD(1)),
    receipt_blob_gas_price Nullable(UInt256) CODEC(ZSTD(1)),
    receipt_l1_fee Nullable(UInt256) CODEC(ZSTD(1)),
    receipt_l1_gas_used Nullable(UInt64) CODEC(ZSTD(1)),
    receipt_l1_gas_price Nullable(UInt256) CODEC(ZSTD(1)),
    receipt_l1_fee_scalar Nullable(String) CODEC(ZSTD(1)),
    receipt_log_count UInt32 CODEC(ZSTD(1)),
    extra Nullable(String) CODEC(ZSTD(1)),
    receipt_extra Nullable(String) CODEC(ZSTD(1)),
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash))),
    hash_hex String ALIAS concat('0x', lower(hex(hash))),
    from_address_hex String ALIAS concat('0x', lower(hex(from_address))),
    to_address_hex Nullable(String) ALIAS concat('0x', lower(hex(to_address))),
    INDEX block_timestamp_range block_timestamp TYPE minmax GRANULARITY 1,
    INDEX hash_bloom hash TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX hash_hex_bloom concat('0x', lower(hex(hash))) TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = {{engine:transactions:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, block_number, transaction_index, block_hash);
-- shard transactions by sipHash64(chain_id, block_number)

CREATE TABLE IF NOT EXISTS {{table:logs}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32) CODEC(ZSTD(1)),
    block_timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    log_index UInt32 CODEC(Delta, ZSTD(1)),
    transaction_hash FixedString(32) CODEC(ZSTD(1)),
    transaction_index UInt32 CODEC(Delta, ZSTD(1)),
    address FixedString(20) CODEC(ZSTD(1)),
    topics Array(FixedString(32)) CODEC(ZSTD(1)),
    data String CODEC(ZSTD(1)),
    extra Nullable(String) CODEC(ZSTD(1)),
    -- 32 zero bytes where a log has no topic; topics tells an anonymous log from a zero topic.
    topic0 FixedString(32) MATERIALIZED topics[1] CODEC(ZSTD(1)),
    topic1 FixedString(32) ALIAS topics[2],
    topic2 FixedString(32) ALIAS topics[3],
    topic3 FixedString(32) ALIAS topics[4],
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash))),
    transaction_hash_hex String ALIAS concat('0x', lower(hex(transaction_hash))),
    address_hex String ALIAS concat('0x', lower(hex(address))),
    topic0_hex String ALIAS concat('0x', lower(hex(topic0))),
    INDEX block_timestamp_range block_timestamp TYPE minmax GRANULARITY 1,
    INDEX block_number_range block_number TYPE minmax GRANULARITY 1,
    INDEX address_hex_range concat('0x', lower(hex(address))) TYPE minmax GRANULARITY 1,
    INDEX transaction_hash_bloom transaction_hash TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX transaction_hash_hex_bloom concat('0x', lower(hex(transaction_hash))) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:logs:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, address, topic0, block_number, log_index, block_hash);
-- shard logs by sipHash64(chain_id, block_number)

CREATE TABLE IF NOT EXISTS {{table:token_transfers}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32) CODEC(ZSTD(1)),
    block_timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    log_index UInt32 CODEC(Delta, ZSTD(1)),
    batch_index UInt32 CODEC(Delta, ZSTD(1)),
    transaction_hash FixedString(32) CODEC(ZSTD(1)),
    transaction_index UInt32 CODEC(Delta, ZSTD(1)),
    token_address FixedString(20) CODEC(ZSTD(1)),
    token_standard LowCardinality(String) CODEC(ZSTD(1)),
    operator Nullable(FixedString(20)) CODEC(ZSTD(1)),
    from_address FixedString(20) CODEC(ZSTD(1)),
    to_address FixedString(20) CODEC(ZSTD(1)),
    token_id Nullable(UInt256) CODEC(ZSTD(1)),
    value UInt256 CODEC(ZSTD(1)),
    amount Nullable(Float64) CODEC(ZSTD(1)),
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash))),
    transaction_hash_hex String ALIAS concat('0x', lower(hex(transaction_hash))),
    token_address_hex String ALIAS concat('0x', lower(hex(token_address))),
    from_address_hex String ALIAS concat('0x', lower(hex(from_address))),
    to_address_hex String ALIAS concat('0x', lower(hex(to_address))),
    INDEX block_timestamp_range block_timestamp TYPE minmax GRANULARITY 1,
    INDEX block_number_range block_number TYPE minmax GRANULARITY 1,
    INDEX token_address_hex_range concat('0x', lower(hex(token_address))) TYPE minmax GRANULARITY 1,
    INDEX transaction_hash_bloom transaction_hash TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX transaction_hash_hex_bloom concat('0x', lower(hex(transaction_hash))) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:token_transfers:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, token_address, block_number, log_index, batch_index, block_hash);
-- shard token_transfers by sipHash64(chain_id, block_number)

CREATE TABLE IF NOT EXISTS {{table:contracts}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32) CODEC(ZSTD(1)),
    block_timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    address FixedString(20),
    creator_address FixedString(20) CODEC(ZSTD(1)),
    transaction_hash FixedString(32),
    transaction_index UInt32 CODEC(ZSTD(1)),
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash))),
    address_hex String ALIAS concat('0x', lower(hex(address))),
    INDEX block_number_range block_number TYPE minmax GRANULARITY 1,
    INDEX address_hex_range concat('0x', lower(hex(address))) TYPE minmax GRANULARITY 1
)
ENGINE = {{engine:contracts:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, address, block_number, transaction_index, block_hash);
-- shard contracts by sipHash64(chain_id, block_number)

CREATE TABLE IF NOT EXISTS {{table:transaction_states}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)) CODEC(ZSTD(1)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id Nullable(FixedString(16)),
    hash FixedString(32),
    sender FixedString(20) CODEC(ZSTD(1)),
    nonce UInt64 CODEC(ZSTD(1)),
    state LowCardinality(String) CODEC(ZSTD(1)),
    previous_state LowCardinality(Nullable(String)) CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    transaction_index Nullable(UInt32) CODEC(ZSTD(1)),
    execution_status LowCardinality(Nullable(String)) CODEC(ZSTD(1)),
    gas_used Nullable(UInt64) CODEC(ZSTD(1)),
    fee_paid Nullable(UInt256) CODEC(ZSTD(1)),
    first_seen Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    included_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    finalized_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    replaced_by Nullable(FixedString(32)),
    replaces Nullable(FixedString(32)),
    canonical_epoch UInt32 CODEC(ZSTD(1)),
    retracts Nullable(UInt64) CODEC(ZSTD(1)),
    evidence Array(String) CODEC(ZSTD(1)),
    hash_hex String ALIAS concat('0x', lower(hex(hash))),
    sender_hex String ALIAS concat('0x', lower(hex(sender))),
    block_hash_hex Nullable(String) ALIAS concat('0x', lower(hex(block_hash))),
    INDEX hash_hex_range concat('0x', lower(hex(hash))) TYPE minmax GRANULARITY 1,
    INDEX sender_bloom sender TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:transaction_states:version}}
PARTITION BY chain_id
ORDER BY (chain_id, hash);
-- shard transaction_states by sipHash64(chain_id, hash)

-- Every version of every transaction's state; rows come by the view below, inside the sink's insert.
CREATE TABLE IF NOT EXISTS {{table:transaction_state_changes}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number Nullable(UInt64) CODEC(ZSTD(1)),
    block_hash Nullable(FixedString(32)) CODEC(ZSTD(1)),
    block_timestamp Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id Nullable(FixedString(16)),
    hash FixedString(32),
    sender FixedString(20) CODEC(ZSTD(1)),
    nonce UInt64 CODEC(ZSTD(1)),
    state LowCardinality(String) CODEC(ZSTD(1)),
    previous_state LowCardinality(Nullable(String)) CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    transaction_index Nullable(UInt32) CODEC(ZSTD(1)),
    execution_status LowCardinality(Nullable(String)) CODEC(ZSTD(1)),
    gas_used Nullable(UInt64) CODEC(ZSTD(1)),
    fee_paid Nullable(UInt256) CODEC(ZSTD(1)),
    first_seen Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    included_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    finalized_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    replaced_by Nullable(FixedString(32)),
    replaces Nullable(FixedString(32)),
    canonical_epoch UInt32 CODEC(ZSTD(1)),
    retracts Nullable(UInt64) CODEC(ZSTD(1)),
    evidence Array(String) CODEC(ZSTD(1)),
    hash_hex String ALIAS concat('0x', lower(hex(hash))),
    sender_hex String ALIAS concat('0x', lower(hex(sender))),
    block_hash_hex Nullable(String) ALIAS concat('0x', lower(hex(block_hash)))
)
ENGINE = {{engine:transaction_state_changes:version}}
PARTITION BY chain_id
ORDER BY (chain_id, hash, version);
-- shard transaction_state_changes by sipHash64(chain_id, hash)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.transaction_states_to_changes {{on_cluster}}
TO {{table:transaction_state_changes}} AS
SELECT * FROM {{table:transaction_states}};

-- A row a block: written by the sink once every row of the block is in (removed = true: at once).
CREATE TABLE IF NOT EXISTS {{table:coverage}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32),
    block_timestamp DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    event_id FixedString(16),
    parent_hash FixedString(32),
    transaction_count UInt32 CODEC(ZSTD(1)),
    log_count UInt32 CODEC(ZSTD(1)),
    token_transfer_count UInt32 CODEC(ZSTD(1)),
    contract_count UInt32 CODEC(ZSTD(1)),
    verified Array(String) CODEC(ZSTD(1)),
    complete Bool CODEC(ZSTD(1)),
    problem Nullable(String) CODEC(ZSTD(1)),
    offsets Array(Tuple(topic String, partition UInt32, next_offset UInt64)) CODEC(ZSTD(1)),
    observed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    visible_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash)))
)
ENGINE = {{engine:coverage:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, block_number, block_hash);
-- shard coverage by sipHash64(chain_id)

-- The part of coverage that views look at: the newest blocks and the exceptions further down. What is
-- settled is dropped from it a partition at a time, so that looking costs the same however long history is.
CREATE TABLE IF NOT EXISTS {{table:coverage_tip}} {{on_cluster}}
(
    chain_id UInt64,
    block_number UInt64,
    block_hash FixedString(32),
    sequence UInt64,
    removed Bool,
    complete Bool
)
ENGINE = {{engine:coverage_tip:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000))
ORDER BY (chain_id, block_number, block_hash);
-- shard coverage_tip by sipHash64(chain_id)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.coverage_to_tip {{on_cluster}}
TO {{table:coverage_tip}} AS
SELECT chain_id, block_number, block_hash, sequence, removed, complete FROM {{table:coverage}};

-- A fork never shows two blocks at one height: the blocks topic is keyed by number, so when a new block may
-- show, the retraction of the old one has passed through here, wherever its coverage record is.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.blocks_to_tip {{on_cluster}}
TO {{table:coverage_tip}} AS
SELECT chain_id, block_number, block_hash, sequence, removed, true AS complete FROM {{table:blocks}} WHERE removed;

-- Up to where rows need no look at coverage: every block in from_number..to_number is final and whole and
-- every orphan there is retracted in every table, so removed = 0 decides; holes are the exceptions, which
-- coverage decides. The highest version wins. Written by connectors/clickhouse/visibility.py.
CREATE TABLE IF NOT EXISTS {{table:settled}} {{on_cluster}}
(
    chain_id UInt64,
    from_number UInt64,
    to_number UInt64,
    version UInt64,
    settled_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:settled:version}}
ORDER BY chain_id;
-- shard settled by sipHash64(chain_id)

-- A row a hole, so that several writers never undo each other's.
CREATE TABLE IF NOT EXISTS {{table:settled_holes}} {{on_cluster}}
(
    chain_id UInt64,
    block_number UInt64,
    open Bool,
    version UInt64
)
ENGINE = {{engine:settled_holes:version}}
ORDER BY (chain_id, block_number);
-- shard settled_holes by sipHash64(chain_id)

-- Blocks that were announced as final, one an insert at most. They come from transaction states because
-- those are made behind everything else: when one is here, all that the chain said before it is in Kafka.
CREATE TABLE IF NOT EXISTS {{table:finality}} {{on_cluster}}
(
    chain_id UInt64,
    block_number UInt64,
    block_hash FixedString(32),
    sequence UInt64
)
ENGINE = {{engine:finality:sequence}}
ORDER BY (chain_id, block_number, block_hash);
-- shard finality by sipHash64(chain_id)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.transaction_states_to_finality {{on_cluster}}
TO {{table:finality}} AS
SELECT
    chain_id,
    (argMax((assumeNotNull(s.block_number), assumeNotNull(s.block_hash), s.sequence), assumeNotNull(s.block_number)) AS last).1 AS block_number,
    last.2 AS block_hash,
    last.3 AS sequence
FROM {{table:transaction_states}} AS s
WHERE state = 'FINALIZED' AND isNotNull(s.block_number) AND isNotNull(s.block_hash)
GROUP BY chain_id;

-- Copy of the heads topic: what the listener says of head, safe and finalized.
CREATE TABLE IF NOT EXISTS {{table:heads}} {{on_cluster}}
(
    chain_id UInt64,
    sequence UInt64,
    tag LowCardinality(String),
    block_number UInt64,
    block_hash FixedString(32),
    block_timestamp DateTime64(3, 'UTC'),
    observed_at DateTime64(3, 'UTC'),
    block_hash_hex String ALIAS concat('0x', lower(hex(block_hash)))
)
ENGINE = {{engine:heads:sequence}}
ORDER BY (chain_id, tag);
-- shard heads by sipHash64(chain_id)

-- The next offset that a table's partition still lacks; the highest wins.
CREATE TABLE IF NOT EXISTS {{table:sink_progress}} {{on_cluster}}
(
    topic String,
    partition UInt32,
    next_offset UInt64,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:sink_progress:next_offset}}
ORDER BY (topic, partition);
-- shard sink_progress by sipHash64(topic)

-- topic, partition and offset name the record that failed; value holds its bytes.
CREATE TABLE IF NOT EXISTS {{table:dead_letters}} {{on_cluster}}
(
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    stage LowCardinality(String),
    error_class LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    key Nullable(String) CODEC(ZSTD(1)),
    value Nullable(String) CODEC(ZSTD(1)),
    headers Map(String, String) CODEC(ZSTD(1)),
    failed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    dead_letter_partition UInt32,
    dead_letter_offset UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = {{engine:dead_letters:dead_letter_offset}}
PARTITION BY toYYYYMM(failed_at)
ORDER BY (topic, partition, offset, dead_letter_partition, dead_letter_offset);
-- shard dead_letters by sipHash64(topic, partition)

-- Second access path: where a transaction is, by its hash.
CREATE TABLE IF NOT EXISTS {{table:transactions_by_hash}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    hash FixedString(32),
    block_number UInt64 CODEC(ZSTD(1)),
    transaction_index UInt32 CODEC(ZSTD(1)),
    block_hash FixedString(32) CODEC(ZSTD(1)),
    sequence UInt64 CODEC(ZSTD(1)),
    removed Bool CODEC(ZSTD(1))
)
ENGINE = {{engine:transactions_by_hash:sequence}}
PARTITION BY chain_id
ORDER BY (chain_id, hash, block_number, block_hash)
SETTINGS index_granularity = 1024;
-- shard transactions_by_hash by sipHash64(chain_id, block_number)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.transactions_to_by_hash {{on_cluster}}
TO {{table:transactions_by_hash}} AS
SELECT chain_id, hash, block_number, transaction_index, block_hash, sequence, removed
FROM {{table:transactions}};

-- Second access path: transfers by either party; a transfer is two rows, out of one and into the other.
CREATE TABLE IF NOT EXISTS {{table:token_transfers_by_address}} {{on_cluster}}
(
    chain_id UInt64 CODEC(ZSTD(1)),
    block_number UInt64 CODEC(Delta, ZSTD(1)),
    block_hash FixedString(32) CODEC(ZSTD(1)),
    block_timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    removed Bool CODEC(ZSTD(1)),
    log_index UInt32 CODEC(Delta, ZSTD(1)),
    batch_index UInt32 CODEC(Delta, ZSTD(1)),
    transaction_hash FixedString(32) CODEC(ZSTD(1)),
    address FixedString(20) CODEC(ZSTD(1)),
    direction Enum8('out' = -1, 'in' = 1) CODEC(ZSTD(1)),
    counterparty FixedString(20) CODEC(ZSTD(1)),
    token_address FixedString(20) CODEC(ZSTD(1)),
    token_standard LowCardinality(String) CODEC(ZSTD(1)),
    token_id Nullable(UInt256) CODEC(ZSTD(1)),
    value UInt256 CODEC(ZSTD(1)),
    address_hex String ALIAS concat('0x', lower(hex(address))),
    INDEX address_hex_range concat('0x', lower(hex(address))) TYPE minmax GRANULARITY 1
)
ENGINE = {{engine:token_transfers_by_address:sequence}}
PARTITION BY (chain_id, intDiv(block_number, 1000000))
ORDER BY (chain_id, address, block_number, log_index, batch_index, direction, block_hash)
SETTINGS index_granularity = 2048;
-- shard token_transfers_by_address by sipHash64(chain_id, block_number)

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.token_transfers_to_by_address {{on_cluster}}
TO {{table:token_transfers_by_address}} AS
SELECT
    chain_id, block_number, block_hash, block_timestamp, sequence, removed, log_index, batch_index,
    transaction_hash,
    if(incoming, to_address, from_address) AS address,
    if(incoming, 'in', 'out') AS direction,
    if(incoming, from_address, to_address) AS counterparty,
    token_address, token_standard, token_id, value
FROM {{table:token_transfers}}
ARRAY JOIN [false, true] AS incoming;
