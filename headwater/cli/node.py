"""`headwater node`: check nodes, record a node's answers, serve them as a node, fork the local chain."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sandbox.node import RecordedNode

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check nodes, record a node's answers and serve them as a node; fork the local chain.",
)


@app.command()
def check(
    rpc: Annotated[list[str], typer.Option(help="A node's HTTP URL; may be repeated.")],
    seconds: Annotated[float, typer.Option(min=0.1, help="Time a call may take, seconds.")] = 20.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Find out what nodes can do, and print settings for them.

    Asked of each: its chain and whether it syncs, head and latency, tags, ways to receipts, traces, how far
    its blocks and its state go back, the sizes of batches and of ranges of logs that it takes; and three
    blocks are fetched whole and checked as the listener does, roots included.

    Exit code 0: all are usable; 3: some are not; 4: none is. A URL is shown without its user, path and query.

    \b
    headwater node check --rpc https://eth.example/KEY --rpc http://127.0.0.1:8545
    headwater node check --rpc http://127.0.0.1:8545 --json | jq .settings
    """
    from headwater import redaction
    from headwater.cli.node_check import run
    from headwater.logging import configure
    from headwater.redaction import secrets_of

    redaction.learn(secret for url in rpc for secret in secrets_of(url))
    configure("node-check", "CRITICAL", "auto")
    raise typer.Exit(run(rpc, seconds=seconds, json=json))


@app.command()
def serve(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="Directories of recorded answers.")
    ],
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8545,
    pace: Annotated[
        float | None,
        typer.Option(help="Seconds between blocks; without it the whole chain is there at once."),
    ] = None,
    all_at_once: Annotated[
        bool, typer.Option("--all-at-once", help="Serve the whole chain at once.")
    ] = False,
    loop: Annotated[int, typer.Option(min=1, help="Repeat the recording this many times.")] = 1,
    start_at: Annotated[int | None, typer.Option(help="The head at the start (with --pace).")] = None,
    safe_lag: Annotated[int, typer.Option(min=0, help="Blocks that safe is behind the head.")] = 32,
    finalized_lag: Annotated[int, typer.Option(min=0, help="Blocks that finalized is behind the head.")] = 64,
    chain_id: Annotated[int | None, typer.Option(help="The chain id, where no answer tells it.")] = None,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Bad answers to give, YAML (docs/recorded-node.md).")
    ] = None,
) -> None:
    """Serve recorded answers as a JSON-RPC node (HTTP, batches, WebSocket newHeads) on loopback."""
    from headwater.errors import Fatal
    from sandbox.node import LoopedChain, RecordedChain, RecordedNode
    from sandbox.node.plan import Play, load

    if all_at_once and pace is not None:
        raise Fatal("--pace and --all-at-once exclude each other", remedy="give one of them")
    plan = None if faults is None else load(faults)
    recorded = RecordedChain(directories, chain_id=chain_id)
    chain = recorded if loop == 1 else LoopedChain(recorded, loop)
    head = None if pace is None else (chain.first() if start_at is None else start_at)
    play = None if plan is None else Play(plan)
    node = RecordedNode(chain, head=head, safe_lag=safe_lag, finalized_lag=finalized_lag, plan=play)
    asyncio.run(_serve(node, port, pace))
    if play is not None:
        print("faults: " + (", ".join(f"{kind} {n}" for kind, n in sorted(play.happened.items())) or "none"))


async def _serve(node: "RecordedNode", port: int, pace: float | None) -> None:
    """Serve until SIGINT or SIGTERM, advancing the head every `pace` seconds."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with node.serve(port):
        first, last = node.chain.first(), node.chain.last()
        print(f"{node.url} chain {node.chain.chain_id} blocks {first}..{last} head {node.head}", flush=True)
        while not ended.is_set():
            waiting = None if pace is None or node.head >= last else pace
            try:
                await asyncio.wait_for(ended.wait(), waiting)
            except TimeoutError:
                node.advance()


@app.command()
def record(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the answers are stored.")],
    rpc: Annotated[str, typer.Option(help="The node's HTTP URL.")],
    first: Annotated[str, typer.Option("--from", help="First block: a number or a tag.")],
    last: Annotated[str, typer.Option("--to", help="Last block: a number or a tag.")],
    traces: Annotated[
        bool, typer.Option("--traces", help="Also debug_traceBlockByNumber, callTracer.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="Blocks fetched at a time.")] = 4,
) -> None:
    """Store a node's answers about a range of blocks; started again, it goes on where it stopped."""
    asyncio.run(_record(directory, rpc, first, last, traces, concurrency))


async def _record(directory: Path, rpc: str, first: str, last: str, traces: bool, concurrency: int) -> None:
    import aiohttp
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from headwater.errors import Fatal
    from headwater.redaction import redact, secrets_of
    from sandbox.node.errors import RpcError
    from sandbox.node.record import TIMEOUT_SECONDS, Recorder

    columns = (TextColumn("recording"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("blocks", total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            recorder = Recorder(session, rpc, directory, traces, concurrency)

            def started(start: int, end: int) -> None:
                bar.update(task, total=end - start + 1)

            try:
                start, end = await recorder.record(first, last, started, lambda _: bar.advance(task))
            except RpcError as error:
                message = redact(error.message, secrets_of(rpc))
                raise Fatal(f"the node refuses: {message} ({error.code})") from error
    print(f"{directory}: blocks {start}..{end}")


@app.command()
def reorg(
    depth: Annotated[int, typer.Option(min=1, max=8, help="Blocks that leave the chain.")] = 2,
    data_dir: Annotated[
        Path, typer.Option(envvar="HEADWATER_DATA_DIR", help="Directory of the local stack.")
    ] = Path(".headwater"),
) -> None:
    """Fork the local chain of `headwater up` now, to see what is taken back."""
    from sandbox.stack import endpoints
    from sandbox.traffic.fork import fork

    made = fork(endpoints.read(data_dir).rpc, depth)
    print(
        f"blocks {made.head - made.depth + 1} to {made.head} left the chain; of their transactions "
        f"{made.moved} are in other blocks, {made.resent} wait, {made.lost} are lost"
    )
