"""What nodes and providers say, and what is made of it."""

from __future__ import annotations

import pytest

from connectors.evm.rpc.phrases import Meaning, meaning_of

# Meaning → what was said: code, words, and who says so (repository and thread, or the source that has it).
ERRORS: dict[Meaning | None, tuple[tuple[object, str, str], ...]] = {
    Meaning.BATCH_LIMIT: (
        (-32000, "batch limit 100 exceeded: 142 requests given", "erigontech/erigon#7072"),
        (-32007, "batch limit exceeded", "fystack/multichain-indexer#19"),
        (-32600, "batch too large", "ethereum/go-ethereum rpc/errors.go"),
        (-32003, "response too large", "ethereum/go-ethereum rpc/errors.go"),
        (-32010, "The batch request was too large", "paritytech/jsonrpsee types/src/error.rs"),
        (-32062, "Batch size too large", "Ankr"),
        (31, "Batch of more than 3 requests are not allowed on free plan, register at drpc.org", "dRPC"),
        (-32014, "maximum 10 calls in 1 batch", "field-reports/node-phrases"),
        (-32000, "Too many requests in batch", "own wording"),
        (-32602, "Log response size exceeded.", "Alchemy"),
        (-32000, "Response size exceeded the limit", "own wording"),
        (-32008, "response exceeds the maximum size of 10 MB", "own wording"),
        (-32600, "content length exceeds the limit of 5242880 bytes", "own wording, of geth's"),
        (-32000, "batch size 100 is over the cap of 50", "own wording"),
        (-32000, "you can send up to 10 calls\n in one batch", "own wording"),
    ),
    Meaning.NO_BATCHES: (
        (-32005, "Batched requests are not supported by this server", "paritytech/jsonrpsee types"),
        (-32000, "batch requests are disabled", "own wording"),
        (-32600, "Batch calls aren't allowed", "own wording"),
    ),
    Meaning.THROTTLED: (
        (
            429,
            "Your app has exceeded its compute units per second capacity.",
            "latticexyz/mud#1522 (Alchemy)",
        ),
        (-32012, "credits limited to 6000/sec", "latticexyz/mud#1522"),
        (-32007, "50/second request limit reached - reduce calls per second", "QuickNode"),
        (-32005, "exceeded project rate limit", "status-im/status-go#4807 (Infura)"),
        (-32005, "daily request count exceeded, request rate limited", "Infura"),
        (-32000, "Request-Rate Exceeded", "ethers-io/ethers.js#1151 (QuickNode)"),
        (-32016, "over rate limit", "mainnet.base.org"),
        (-32000, "Max calls per sec rate limit reached (5/sec)", "Etherscan's proxy"),
        (-32000, "You've reached the free tier limit", "own wording"),
        (-32000, "exceeded the maximum number of requests per second", "own wording"),
        (-32000, "too many concurrent requests", "own wording"),
        (-32000, "insufficient credits", "own wording"),
        (-32000, "CUPS exceeded", "own wording"),
        (-32029, "rps limit", "own wording"),
        (-32000, "not enough credits. Method blocked", "own wording"),
        (-32000, "error code: 1015", "Cloudflare"),
        (-32005, "", "the code alone"),
        ("-32005", "", "the code as a text"),
        (-32005.0, "", "the code as a fraction"),
    ),
    Meaning.PAYMENT: (
        (-32000, "payment required for this resource (x402)", "erpc/erpc#831"),
        (-32000, "Endpoint disabled: past due payment", "QuickNode, error references"),
        (-32000, "Visit https://example/billing to go on", "erpc/erpc error_normalizer.go names /billing"),
        (-32000, "your subscription has expired", "own wording"),
    ),
    Meaning.PRUNED: (
        (4444, "pruned history unavailable", "ethereum/execution-apis#636"),
        (-32000, "old data not available due to pruning", "erigontech/erigon db/state"),
        (-32000, "data before txNum=2662500000 is not available", "erigontech/erigon#13198"),
        (-32000, "node is running with state pruning. Run with --pruning=archive.", "parity-ethereum#11594"),
        (-32603, "height 1 is not available, lowest height is 5000", "cometbft, by way of Ethermint"),
        (-32000, "requested block is before the earliest available block", "own wording"),
        (-32000, "block is too old", "own wording"),
        (-32000, "archive requests are for paid plans", "own wording"),
        (-32000, "state is pruned; being an archive node is required", "own wording"),
    ),
    Meaning.NO_SUCH_BLOCK: (
        (-32000, "header not found", "ethereum/go-ethereum"),
        (-39001, "Unknown block", "ethereum/execution-apis"),
        (-32602, "Unknown block number", "blockscout/blockscout#808"),
        (-32602, "BlockOutOfRangeError: block height is 10 but requested was 11", "foundry-rs/foundry anvil"),
        (-32000, "height 100 must be less than or equal to the current blockchain height 99", "cometbft"),
        (-32000, "Block #123 does not exist", "own wording"),
        (-32602, "requested block is in the future", "own wording"),
        (-32602, "block number too high", "own wording"),
        (-32000, "no block with that hash", "own wording"),
    ),
    Meaning.INVALID_BLOCK: ((-32602, "Invalid block number", "own wording"),),
    Meaning.PASSING: (
        (-32000, "Pruning is in progress, try again later", "own wording"),
        (-32000, "service temporarily not available", "own wording"),
        (-32000, "ancient block is being indexed, please try again", "own wording"),
        (-32000, "node is catching up, archive data is being loaded", "own wording"),
        (-32000, "upstream does not exist", "own wording"),
        (-32601, "node is starting, method not ready", "own wording"),
        (
            30,
            "Timeout on free tier: eth_getBlockReceipts, please upgrade to a paid plan",
            "dRPC, as it says 30",
        ),
        (
            -32000,
            "debug_traceBlockByHash: execution timeout; upgrade your plan for longer traces",
            "own wording",
        ),
        (
            -32603,
            "upstream error: eth_getBlockByNumber is not available, all upstreams exhausted",
            "own wording, of eRPC's",
        ),
        (-32000, "billing service unavailable, please retry", "own wording"),
        (-32000, "trace is not ready, only finalized tier data", "own wording"),
        (-32603, "Free tier nodes are not ready for this method, retry later", "own wording"),
        (-32000, "payment service: payment due check timed out, try again", "own wording"),
    ),
    Meaning.UNSUPPORTED: (
        (-32601, "the method eth_getBlockReceipts does not exist/is not available", "paradigmxyz/cryo#93"),
        (-32001, "rpc method is not whitelisted", "paradigmxyz/cryo#93"),
        (-32600, "Unsupported method: eth_getBlockReceipts", "Alchemy"),
        (
            -32600,
            "trace_block is not available on the Free tier - upgrade to Pay As You Go, or Enterprise for "
            "access.",
            "Agoric/agoric-sdk#12396 (Alchemy)",
        ),
        (35, "method is not available on freetier, please upgrade to paid tier", "drpcorg/nodecore#159"),
        (26, "eth_getBlockReceipts is not available", "dRPC"),
        (-32002, "Archive, Debug and Trace requests are not available on your current plan.", "Chainstack"),
        (-32000, "your plan does not include debug/trace", "own wording"),
        (
            -32000,
            "debug_traceBlockByHash needs a paid plan, upgrade at https://example/billing",
            "own wording",
        ),
        (-32000, "tracing is a premium feature: upgrade your plan", "own wording"),
        (-32000, "debug_traceBlockByHash is unavailable on your plan, upgrade", "own wording"),
        (-32000, "debug_traceBlockByHash requires the Trace add-on", "own wording, of QuickNode's docs"),
        (-32602, "invalid argument 0: hex number > 64 bits", "ethereum/go-ethereum"),
        (-32000, "'finalized' tag not supported on pre-merge network", "ethereum/go-ethereum"),
        (-32602, "unknown block tag", "own wording"),
        (-32602, "invalid params", "the code alone"),
    ),
    None: (
        (-32000, "failed to find transaction in block", "sei-protocol/sei-chain#1815"),
        (12, "requested epoch was a null round (5)", "filecoin-project/lotus#12633"),
        (-32603, "method handler crashed", "ethereum/go-ethereum"),
        (-32000, "missing trie node abc (path ) state 0x01 is not available", "ethereum/go-ethereum"),
        (None, "", "nothing at all"),
        ([], "-", "a code of another type"),
    ),
}


@pytest.mark.parametrize(
    ("meaning", "code", "words"),
    [(meaning, code, words) for meaning, errors in ERRORS.items() for code, words, _ in errors],
    ids=str,
)
def test_what_is_said_means(meaning: Meaning | None, code: object, words: str) -> None:
    assert meaning_of(code, words) is meaning


def test_what_an_error_says_beside_its_message_counts_where_that_says_nothing() -> None:
    assert meaning_of(-32603, "Internal error", "rate limit exceeded") is Meaning.THROTTLED
    assert meaning_of(-32603, "header not found", "rate limit exceeded") is Meaning.NO_SUCH_BLOCK
    assert meaning_of(-32601, "Internal error", "") is Meaning.UNSUPPORTED


def test_words_without_end_are_read_in_a_moment() -> None:
    for word in ("over ", "batch ", "method ", "block ", "before "):
        assert meaning_of(0, word * 100_000) in (None, Meaning.BATCH_LIMIT)
