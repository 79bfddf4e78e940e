"""A recording repeated into a longer chain whose headers verify and whose parents link.

Round 0 is the recording as it is. In later rounds numbers and timestamps go on, and nonces are shifted so
that no transaction occurs twice; block hashes, transaction hashes, transactions roots and created contracts
are those of what was rewritten. Logs, calls and balances stay as recorded, so blooms, receipts roots and
withdrawals roots hold too; signatures do not. In a block with a transaction whose encoding is not known
(`headwater.evm.roots`) hashes are made up and the root is the recorded one, which nobody can verify either
way. What has no nonce in its encoding (deposits of the OP stack, Arbitrum's internal transactions) has the
same hash in every round.
"""

from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache

import orjson

from connectors.evm.blocks.state_sync import hash_in
from headwater.errors import Fatal
from headwater.evm.answers.absent import SIGNED
from headwater.evm.creation import created_by
from headwater.evm.header import header_hash
from sandbox.node.answers import BlockAnswers, Chain, Json, Part
from sandbox.node.genuine import sealed, transactions_of
from sandbox.node.template import FIRST_FREE, Slots, Template, make_template

RENDERED_BLOCKS = 128


class _Base:
    """One recorded block made ready for repetition; templates are made when first needed."""

    def __init__(self, answers: BlockAnswers) -> None:
        self._answers = answers
        self._templates: dict[Part, Template | None] = {}
        transactions = orjson.loads(answers.part("block") or b"{}")["transactions"]
        count = len(transactions)
        self.creations = [at for at, tx in enumerate(transactions) if _creates(tx)]
        self._slots = Slots(
            {tx["hash"]: FIRST_FREE + at for at, tx in enumerate(transactions)},
            {tx["hash"]: FIRST_FREE + count + at for at, tx in enumerate(transactions)},
            {transactions[at]["hash"]: FIRST_FREE + 2 * count + n for n, at in enumerate(self.creations)},
        )
        self.transactions = [bytes.fromhex(tx["hash"][2:]) for tx in transactions]
        self.nonces = [(str(tx["from"]), int(tx.get("nonce") or "0x0", 16)) for tx in transactions]
        last = hash_in(answers.number, bytes.fromhex(answers.hash[2:]))
        self.state_sync = self.transactions[-1:] == [last]
        self._typed = transactions_of(transactions[:-1] if self.state_sync else transactions)

    def sealed(self, nonces: Iterable[int], turn: int) -> tuple[list[bytes], bytes | None]:
        """Hashes of the transactions with these nonces, and their root; None for the recorded one.

        Polygon's state-sync transaction is none of them: its hash is made of the block's.
        """
        for each, nonce in zip(self._typed, nonces, strict=False):
            each.nonce = hex(nonce)
        found = sealed(self._typed)
        return found or ([shifted_hash(each, turn) for each in self.transactions[: len(self._typed)]], None)

    def template(self, part: Part) -> Template | None:
        """Return the template of a part, None when the part is not recorded."""
        if part not in self._templates:
            body = self._answers.part(part)
            self._templates[part] = None if body is None else make_template(orjson.loads(body), self._slots)
        return self._templates[part]


def _creates(transaction: Json) -> bool:
    """Whether it makes a contract whose address is of sender and nonce."""
    return transaction.get("to") is None and int(str(transaction.get("type") or "0x0"), 16) in SIGNED


def shifted_hash(original: bytes, turn: int) -> bytes:
    """Return a made-up hash of a transaction in a later round: its last four bytes xor the round."""
    return original[:28] + (int.from_bytes(original[28:], "big") ^ turn).to_bytes(4, "big")


class LoopedChain:
    """`base` repeated `rounds` times; implements `Chain`. Raises Fatal when the recording has gaps."""

    def __init__(self, base: Chain, rounds: int) -> None:
        self._base = base
        self._rounds = rounds
        self._start = base.first()
        self._length = base.last() - self._start + 1
        self.chain_id, self.client = base.chain_id, base.client
        self._headers = [self._header(number) for number in range(self._start, base.last() + 1)]
        stamps = [int(str(header["timestamp"]), 16) for header in self._headers]
        step = max(1, round((stamps[-1] - stamps[0]) / max(1, self._length - 1))) if self._length > 1 else 12
        self._span = stamps[-1] - stamps[0] + step
        self._hashes = [str(header["hash"]).lower() for header in self._headers]
        self._numbers = {hash_: self._start + at for at, hash_ in enumerate(self._hashes)}
        self._rendered: OrderedDict[int, BlockAnswers] = OrderedDict()
        self._digests: list[bytes] = []
        self._roots: list[str] = []
        self._nonce_spans: dict[str, int] = {}
        self._prepare = lru_cache(maxsize=RENDERED_BLOCKS)(self._prepared)

    def _header(self, number: int) -> Json:
        answers = self._base.by_number(number)
        if answers is None:
            raise Fatal(
                f"block {number} is missing in the recording, so it cannot be looped",
                remedy="record the whole range",
            )
        block: Json = orjson.loads(answers.part("hashes") or b"{}")
        block.pop("transactions", None)
        return block

    def first(self) -> int:
        return self._start

    def last(self) -> int:
        return self._start + self._length * self._rounds - 1

    def has(self, part: Part) -> bool:
        return self._base.has(part)

    def recorded(self, method: str, params: bytes) -> bytes | None:
        return self._base.recorded(method, params)

    def by_number(self, number: int) -> BlockAnswers | None:
        if not self._start <= number <= self.last():
            return None
        if number < self._start + self._length:
            return self._base.by_number(number)
        found = self._rendered.get(number)
        if found is None:
            found = self._render(number)
            self._rendered[number] = found
            if len(self._rendered) > RENDERED_BLOCKS:
                self._rendered.popitem(last=False)
        else:
            self._rendered.move_to_end(number)
        return found

    def by_hash(self, hash: str) -> BlockAnswers | None:
        number = self._numbers.get(hash)
        return None if number is None else self.by_number(number)

    def of_transaction(self, hash: str) -> BlockAnswers | None:
        """The block of a transaction: looked for among those answered last, then from the last one down."""
        digest = bytes.fromhex(hash[2:])
        known = [*reversed(self._rendered), *range(self._start + len(self._digests) - 1, self._start - 1, -1)]
        for number in known:
            if digest in self._digests[number - self._start]:
                return self.by_number(number)
        if len(self._digests) < self._length * self._rounds:
            self._hash_at(self.last())
            return self.of_transaction(hash)
        return None

    def _moved_header(self, number: int, parent: str) -> Json:
        turn, at = divmod(number - self._start, self._length)
        header = self._headers[at]
        timestamp = int(str(header["timestamp"]), 16) + turn * self._span
        root = self._sealed(number)
        moved = {"number": hex(number), "parentHash": parent, "timestamp": hex(timestamp)}
        return {**header, **moved, "transactionsRoot": root}

    def _sealed(self, number: int) -> str:
        """Return the transactions root of the next block whose transactions are hashed."""
        while len(self._digests) <= number - self._start:
            turn, at = divmod(len(self._digests), self._length)
            base = self._prepare(at)
            hashes, root = (
                (base.transactions, None) if turn == 0 else base.sealed(self._nonces(turn, at), turn)
            )
            self._digests.append(b"".join(hashes))
            recorded = str(self._headers[at]["transactionsRoot"])
            self._roots.append(recorded if root is None else "0x" + root.hex())
        return self._roots[number - self._start]

    def _nonces(self, turn: int, at: int) -> list[int]:
        spans = self._spans()
        return [nonce + turn * spans[sender] for sender, nonce in self._prepare(at).nonces]

    def _hash_at(self, number: int) -> str:
        """Return a block's hash, after those of all blocks before it."""
        while len(self._hashes) <= number - self._start:
            following = self._start + len(self._hashes)
            hash_ = "0x" + header_hash(self._moved_header(following, self._hashes[-1])).hex()
            if self._prepare((following - self._start) % self._length).state_sync:
                self._digests[following - self._start] += hash_in(following, bytes.fromhex(hash_[2:]))
            self._hashes.append(hash_)
            self._numbers[hash_] = following
        return self._hashes[number - self._start]

    def _render(self, number: int) -> BlockAnswers:
        turn, at = divmod(number - self._start, self._length)
        hash_, parent = self._hash_at(number), self._hash_at(number - 1)
        timestamp = int(str(self._headers[at]["timestamp"]), 16) + turn * self._span
        base = self._prepare(at)
        digests = self._digests[number - self._start]
        texts = [hex(number), hash_, parent, hex(timestamp), self._roots[number - self._start]]
        texts += ["0x" + digests[place : place + 32].hex() for place in range(0, len(digests), 32)]
        nonces = self._nonces(turn, at)
        texts += [hex(nonce) for nonce in nonces]
        texts += [created_by(base.nonces[each][0], nonces[each]) for each in base.creations]
        values = [b'"' + text.encode() + b'"' for text in texts]

        def load(part: Part) -> bytes | None:
            template = base.template(part)
            return None if template is None else template.render(values)

        return BlockAnswers(number, hash_, parent, timestamp, load)

    def _spans(self) -> dict[str, int]:
        """Return by how much each sender's nonces go on per round."""
        if not self._nonce_spans:
            seen: dict[str, list[int]] = {}
            for at in range(self._length):
                for sender, nonce in self._prepare(at).nonces:
                    seen.setdefault(sender, []).append(nonce)
            self._nonce_spans = {who: max(nonces) - min(nonces) + 1 for who, nonces in seen.items()}
        return self._nonce_spans

    def _prepared(self, at: int) -> _Base:
        answers = self._base.by_number(self._start + at)
        if answers is None or answers.part("block") is None:
            raise Fatal(
                f"block {self._start + at} has no recorded transactions, so it cannot be looped",
                remedy="record eth_getBlockByNumber with full transactions",
            )
        return _Base(answers)
