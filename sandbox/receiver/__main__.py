"""`python -m sandbox.receiver`: a receiver of webhooks that prints what came until it is stopped."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from typing import Any

from sandbox.receiver import SECRET_VARIABLE
from sandbox.receiver.checker import Arrival
from sandbox.receiver.faults import Faults
from sandbox.receiver.server import Receiver


def main() -> int:
    """Exit code 1: the secret is missing, or something came that should not have."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=9070)
    parser.add_argument("--secret-env", default=SECRET_VARIABLE, help="variable with the secret")
    parser.add_argument("--seed", type=int, default=1)
    for fault in ("fail", "throttle", "slow"):
        parser.add_argument(f"--{fault}", type=float, default=0.0, help="share of requests, 0 to 1")
    options = parser.parse_args()
    secret = os.environ.get(options.secret_env, "")
    if not secret:
        sys.stderr.write(f"set {options.secret_env} to the channel's secret (whsec_ and base64)\n")
        return 1
    faults = Faults(options.seed, fail=options.fail, throttle=options.throttle, slow=options.slow)
    receiver = Receiver(secret, options.port, faults, _show)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    receiver.start()
    sys.stdout.write(f"receiving at {receiver.url}/CHANNEL; GET {receiver.url}/ tells what came\n")
    sys.stdout.flush()
    stop.wait()
    receiver.stop()
    wrong = receiver.summary()["violations"]
    for each in wrong if isinstance(wrong, list) else ():
        sys.stdout.write(f"wrong: {each}\n")
    return 1 if wrong else 0


def _show(arrival: Arrival, alert: dict[str, Any]) -> None:
    title = " ".join(str(alert.get("title", "")).split())
    sys.stdout.write(
        f"{arrival.answered} {arrival.channel}: {alert.get('severity')} {arrival.status} {title} "
        f"[alert {arrival.alert_id} version {arrival.version} id {arrival.delivery_id}]\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
