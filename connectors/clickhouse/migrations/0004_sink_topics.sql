-- What the sink remembers of the topics beside how far they are stored.

-- Messages with first_offset <= offset < end_offset that Kafka deleted before they were stored: coverage of
-- blocks that need one of them is marked incomplete.
CREATE TABLE IF NOT EXISTS {{table:sink_gaps}} {{on_cluster}}
(
    topic String,
    partition UInt32,
    first_offset UInt64,
    end_offset UInt64,
    found_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:sink_gaps:end_offset}}
ORDER BY (topic, partition, first_offset);
-- shard sink_gaps by sipHash64(topic)

-- The topics that sink_progress is about: a topic made anew has another id, and its offsets begin again at 0.
CREATE TABLE IF NOT EXISTS {{table:sink_topics}} {{on_cluster}}
(
    topic String,
    topic_id String,
    seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:sink_topics:seen_at}}
ORDER BY topic;
-- shard sink_topics by sipHash64(topic)
