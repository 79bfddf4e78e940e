"""All dead letters with their blocks and what became of them: what a request is decided by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from audit.repair.block import NoBlock, OfEvent, block_of
from audit.repair.history import History, PastRequest, paired
from audit.repair.letters import Letter, LetterFilter, letter_of, without_copies
from audit.repair.plan import BlockFilter, Found
from audit.repair.sequence import STREAM, EventFinder
from audit.repair.topic import read_records, read_topic
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.repair.request import OUTCOMES, REQUESTS, BlockName, outcome_of, request_of
from headwater.settings import Settings
from topics import dead_letters
from topics.catalog import TOPICS, topic_name


@dataclass(frozen=True, slots=True)
class Survey:
    """Letters whose block is known, and those without one, with why and what to do."""

    found: Sequence[Found]
    without_block: Sequence[tuple[Letter, NoBlock]]


def survey(settings: Settings, wanted: LetterFilter, blocks: BlockFilter) -> Survey:
    """Read the wanted letters, and what was asked since. Raises Transient or Fatal."""
    streams = {topic_name(settings, entry.stream): entry.stream for entry in TOPICS}
    since = wanted.since
    letters = [letter_of(each) for each in read_topic(settings, dead_letters.STREAM, since_ms=since)]
    if not letters:
        return Survey([], [])
    requests = paired(
        read_records(settings, REQUESTS, request_of, since_ms=since),
        read_records(settings, OUTCOMES, outcome_of, since_ms=since),
    )
    log = KafkaStore(settings, topic_name(settings, STREAM), "")
    try:
        finder = EventFinder(log)

        def located(letter: Letter) -> BlockName | NoBlock:
            block = block_of(letter, streams.get)
            return finder.block(block) if isinstance(block, OfEvent) else block

        return of_letters(letters, requests, located, wanted, blocks)
    finally:
        log.close()


def of_letters(
    letters: Sequence[Letter],
    requests: Iterable[PastRequest],
    located: Callable[[Letter], BlockName | NoBlock],
    wanted: LetterFilter,
    blocks: BlockFilter,
) -> Survey:
    """The survey of letters that were read; all of them count where one tells that a repair failed."""
    history = History(requests, letters)
    found: list[Found] = []
    without_block: list[tuple[Letter, NoBlock]] = []
    for letter in without_copies(letters):
        if not wanted(letter):
            continue
        block = located(letter)
        if isinstance(block, NoBlock):
            without_block.append((letter, block))
        elif blocks(block):
            found.append(Found(letter, block, history.became(letter, block)))
    return Survey(found, without_block)
