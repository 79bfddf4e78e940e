"""The transactions of one tick, with their replacements, cancellations and drops."""

from headwater.logging import get_logger
from sandbox.traffic.accounts import BLOB_SENDER
from sandbox.traffic.actions import Action, Fate
from sandbox.traffic.holdings import Nonces
from sandbox.traffic.node import Call, CallRejected, Node
from sandbox.traffic.signing import BUMP, Fees, Signed, sign_action, sign_cancellation

log = get_logger("headwater.traffic")


class Outbox:
    """Collects signed actions and sends them; their nonces are counted on in `nonces`."""

    def __init__(self, nonces: Nonces, fees: Fees, chain_id: int) -> None:
        self._nonces = nonces
        self._fees = fees
        self._chain_id = chain_id
        self._first: list[tuple[int, Signed]] = []
        self._second: list[Signed] = []
        self._drops: list[tuple[int, Signed]] = []
        self._blobs: list[Signed] = []

    @property
    def closed(self) -> list[int]:
        """Senders who must not send more in this tick, because their last transaction will be dropped."""
        return [sender for sender, _ in self._drops]

    def add(self, action: Action) -> None:
        """Sign an action at its sender's next nonce, and what takes its place if that is its fate."""
        sender, authority = action.sender, self._nonces.authority
        nonce = self._nonces.senders[sender]
        signed = sign_action(action, nonce, self._fees, self._chain_id, authority_nonce=authority)
        self._nonces.senders[sender] += 1
        self._nonces.authority += action.type == 4
        if sender == BLOB_SENDER:
            self._blobs.append(signed)
            return
        self._first.append((sender, signed))
        if action.fate is Fate.REPLACED:
            self._second.append(sign_action(action, nonce, self._fees, self._chain_id, factor=BUMP))
        elif action.fate is Fate.CANCELLED:
            self._second.append(sign_cancellation(action, nonce, self._fees, self._chain_id))
        elif action.fate is Fate.DROPPED:
            self._drops.append((sender, signed))

    @property
    def blobs(self) -> list[Signed]:
        """The blob transactions, which `send` leaves to a `BlobLane`."""
        return self._blobs

    async def send(self, node: Node) -> None:
        """Send the others; senders of refused transactions are noted as unsure in the nonces."""
        results = await node.batch([_raw(signed) for _, signed in self._first])
        for (sender, _), result in zip(self._first, results, strict=True):
            if isinstance(result, CallRejected):
                log.debug("refused", sender=sender, reason=str(result))
                self._nonces.unsure.add(sender)
        # A replacement that comes too late is refused because its nonce is mined: nothing is lost then.
        await node.batch([_raw(signed) for signed in self._second])
        dropped = await node.batch([("anvil_dropTransaction", [signed.hash]) for _, signed in self._drops])
        for (sender, _), result in zip(self._drops, dropped, strict=True):
            if isinstance(result, str):
                self._nonces.senders[sender] -= 1
            else:
                self._nonces.unsure.add(sender)


def _raw(signed: Signed) -> Call:
    return ("eth_sendRawTransaction", [signed.raw])
