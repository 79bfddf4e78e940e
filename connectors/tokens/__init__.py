"""What tokens are called and how many decimals they have: no block says it, so people do.

Read it in this order: `description` (a token's, and what may stand in it), `text` (files of them), `topic`
(where they stand in Kafka, and how that is changed), `contract` (what contracts say of themselves).
"""
