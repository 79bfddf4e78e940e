"""What the listener does with a block between a node's answers and Kafka: decoding, checks, encoding."""

from __future__ import annotations

from collections.abc import Callable

import sha3

from bench import blocks
from bench.report import Row, publish
from bench.streams import answers, best
from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import decode_block, decode_receipts
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.events import Content, Event
from connectors.evm.log.codec import EventCodec, Numbered
from headwater.evm.answers.decode import decode_block as block_of
from headwater.evm.answers.decode import decode_receipts as receipts_of
from headwater.evm.answers.shapes import Receipt, Transaction
from headwater.evm.bloom import Bloom
from headwater.evm.roots import lists, receipts, transactions
from headwater.settings.chain import VerifyRoots
from topics.chainlog.kinds import EventKind

Answers = list[tuple[bytes, bytes]]


def rows() -> list[Row]:
    """CPU a record with the roots off, sampled and all, and CPU a transaction of the two roots alone."""
    folder = blocks.folder()
    if folder is None:
        return [Row("listener, roots", None, "µs/record", note="no real-chain data")]
    inputs = [answers(path) for path in sorted(folder.iterdir())]
    off = best(_listening(inputs, "off")) / blocks.RECORDS * 1e6
    result = [Row("listener without sockets, roots off", off, "µs/record")]
    for setting in ("sampled", "all"):
        value = best(_listening(inputs, setting)) / blocks.RECORDS * 1e6
        result.append(Row(f"listener without sockets, roots {setting}", value, "µs/record", "off", off))
    return [*result, _both_roots(inputs)]


def _listening(inputs: Answers, setting: VerifyRoots) -> Callable[[], object]:
    bloom = Bloom()
    verifier = Verifier(bloom, roots=RootChecks(bloom, setting))
    codec = EventCodec(1, 7)

    def work() -> None:
        for raw, listed in inputs:
            block = decode_block(raw)
            verifier.check_header(block)
            verified = verifier.check(block, decode_receipts(listed))
            content = Content(raw, listed, None, "node", verified)
            codec.encode(Event(EventKind.APPLY, block.head, content), Numbered(1, 1, 0))

    return work


def _both_roots(inputs: Answers) -> Row:
    """Transactions root with each hash, and receipts root, beside hashing their bytes once and no more."""
    decoded = [(block_of(raw).transactions or [], receipts_of(listed)) for raw, listed in inputs]
    count = sum(len(sent) for sent, _ in decoded)
    encoded = [_encodings(sent, listed) for sent, listed in decoded]

    def roots() -> None:
        for sent, listed in decoded:
            lists.of_transactions(sent)
            lists.of_receipts(listed, sent, str)

    def hashes() -> None:
        for values in encoded:
            for value in values:
                sha3.keccak_256(value).digest()

    value, limit = best(roots) / count * 1e6, best(hashes) / count * 1e6
    return Row(
        "transactions root, hashes and receipts root",
        value,
        "µs/transaction",
        "keccak-256 of the same bytes",
        limit,
        "≤ 83",
        value <= 83,
    )


def _encodings(sent: list[Transaction], listed: list[Receipt]) -> list[bytes]:
    found = [transactions.encoded(each) for each in sent]
    found += [
        receipts.encoded(receipt, transactions.kind_of(each), str)
        for receipt, each in zip(listed, sent, strict=True)
    ]
    return [each for each in found if each is not None]


if __name__ == "__main__":
    publish("listener", rows())
