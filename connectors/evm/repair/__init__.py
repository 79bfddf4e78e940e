"""Saying a block again because somebody asked: requests from Kafka, events in the log, outcomes to Kafka.

Read it in this order: `request` (what is asked and answered), `decision` (what a request comes to, pure),
`preparation` (what the log and the nodes say about it), `channel` (the seam to Kafka) and `kafka_channel`,
`service` (the work between two blocks of the listener).
"""
