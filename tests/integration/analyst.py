"""What an analyst's SQL over `canonical.*` says that rules should have said. Nothing here knows their code.

Each question gives group, transaction_hash, log_index, window_start (milliseconds), the block that decided it
and, for windows, what was counted by then. They take rows to be complete, and each block as one moment.
"""

from __future__ import annotations

from typing import Final

USDC: Final = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
DAI: Final = "0x6b175474e89094c44da98b954eedeac495271d0f"
WBTC: Final = "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599"
FACTORY: Final = "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"
PAIR_CREATED: Final = "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
APPROVAL: Final = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
SPENDERS: Final = (
    "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
    "0x000000000022d473030f116ddee9f6b43ac78ba3",
)

RULES: Final = f"""
- id: usdc-above-100000
  match: token-transfer
  where: token_address == "{USDC}" && value > 100000000000
  title: "{{{{ value | units(6) }}}} USDC"
- id: failed-burst
  match: transaction
  where: receipt_status == 0 && to_address != null
  group_by: [to_address]
  window: {{size: 2m, every: 30s, count: ">= 10"}}
  title: "{{{{ count }}}} failed"
- id: pair-created
  match: log
  where: address == "{FACTORY}" && topics[0] == "{PAIR_CREATED}"
- id: unknown-spender
  match: log
  where: >-
    topics[0] == "{APPROVAL}" && size(topics) == 3 && !(address(topics[2]) in lists.spenders)
    && word(data, 0) > 0
- id: many-receivers
  match: token-transfer
  where: token_address in lists.watched_tokens
  group_by: [token_address]
  window: {{size: 1m, distinct(to_address): ">= 40", max(value): "> 1000000000"}}
- id: no-new-pair
  match: absence
  of: log
  within: 1m
  where: address == "{FACTORY}" && topics[0] == "{PAIR_CREATED}"
- id: token-is-silent
  match: absence
  of: token-transfer
  within: 30s
  where: token_address in lists.watched_tokens
  group_by: [token_address]
"""

CONFIGURATION: Final = {
    **{f"list:spenders:{each}": "" for each in SPENDERS},
    **{f"list:watched_tokens:{each}": "" for each in (USDC, DAI, WBTC)},
}

_EVENT: Final = (
    "map() AS group, transaction_hash, log_index, NULL AS window_start, block_number, map() AS counted"
)
_SECONDS: Final = "toUnixTimestamp(block_timestamp)"
_WATCHED: Final = f"('{USDC}', '{DAI}', '{WBTC}')"
# A silence is told by the first block that is later than allowed after the last one with a record before it.
_SILENCE: Final = """
SELECT {group} AS group, NULL AS transaction_hash, NULL AS log_index, since * 1000 AS window_start,
    min(number) AS block_number, map('silent_since', toString(since * 1000)) AS counted
FROM (
    SELECT token, block_number AS number, now,
        maxIf(now, seen) OVER (
            PARTITION BY token ORDER BY block_number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS since
    FROM ({blocks})
)
WHERE since > 0 AND now - since > {within}
GROUP BY token, since
"""

QUESTIONS: Final = {
    "usdc-above-100000": f"""
        SELECT {_EVENT} FROM canonical.token_transfers
        WHERE token_address = '{USDC}' AND value > toUInt256('100000000000')""",
    "failed-burst": f"""
        SELECT map('to_address', receiver) AS group, NULL AS transaction_hash, NULL AS log_index,
            start * 1000 AS window_start, blocks[10] AS block_number,
            map('count', toString(arrayCount(each -> each <= blocks[10], blocks))) AS counted
        FROM (
            SELECT assumeNotNull(to_address) AS receiver, start, arraySort(groupArray(block_number)) AS blocks
            FROM canonical.transactions
            ARRAY JOIN arrayMap(i -> intDiv({_SECONDS}, 30) * 30 - 30 * i, range(4)) AS start
            WHERE receipt_status = 0 AND to_address IS NOT NULL
            GROUP BY receiver, start HAVING count() >= 10
        )""",
    "pair-created": f"""
        SELECT {_EVENT} FROM canonical.logs WHERE address = '{FACTORY}' AND topic0 = '{PAIR_CREATED}'""",
    "unknown-spender": f"""
        SELECT {_EVENT} FROM canonical.logs
        WHERE topic0 = '{APPROVAL}' AND length(topics) = 3 AND length(data) >= 66
            AND concat('0x', right(topics[3], 40)) NOT IN {SPENDERS}
            AND substring(data, 3, 64) != repeat('0', 64)""",
    "many-receivers": f"""
        SELECT map('token_address', token_address) AS group, NULL AS transaction_hash, NULL AS log_index,
            start * 1000 AS window_start,
            (SELECT arraySort(groupArray(({_SECONDS}, block_number))) FROM canonical.blocks) AS blocks,
            arrayFirst(each -> each.1 >= start + 60, blocks).2 AS block_number,
            map('count', toString(count()), 'distinct(to_address)', toString(uniqExact(to_address)),
                'max(value)', toString(max(value))) AS counted
        FROM canonical.token_transfers
        WHERE token_address IN {_WATCHED}
        GROUP BY token_address, intDiv({_SECONDS}, 60) * 60 AS start
        HAVING uniqExact(to_address) >= 40 AND max(value) > toUInt256(1000000000)
            AND block_number > 0""",
    # It begins to wait with the first block.
    "no-new-pair": _SILENCE.format(
        group="map()",
        within=60,
        blocks=f"""
            SELECT '' AS token, b.block_number AS block_number, toUnixTimestamp(b.block_timestamp) AS now,
                b.block_number = (SELECT min(block_number) FROM canonical.blocks) OR b.block_number IN (
                    SELECT block_number FROM canonical.logs
                    WHERE address = '{FACTORY}' AND topic0 = '{PAIR_CREATED}'
                ) AS seen
            FROM canonical.blocks AS b""",
    ),
    "token-is-silent": _SILENCE.format(
        group="map('token_address', token)",
        within=30,
        blocks=f"""
            SELECT token, b.block_number AS block_number, toUnixTimestamp(b.block_timestamp) AS now,
                (token, b.block_number) IN (
                    SELECT token_address, block_number FROM canonical.token_transfers
                ) AS seen
            FROM canonical.blocks AS b CROSS JOIN (SELECT arrayJoin(array{_WATCHED}) AS token) AS tokens""",
    ),
}
