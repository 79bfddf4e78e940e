"""Compile the contracts beside this file into `contracts.json`: `make contracts`.

Runs in an environment of its own that has the pinned vyper (`requirements.txt` here), because vyper
and Headwater need not agree on their dependencies.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
EVM_VERSION = "cancun"


def main() -> None:
    compiled = {}
    for source in sorted(HERE.glob("*.vy")):
        command = [
            sys.executable,
            "-m",
            "vyper",
            "-f",
            "abi,bytecode",
            "--evm-version",
            EVM_VERSION,
            str(source),
        ]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        abi, bytecode = text.strip().splitlines()
        compiled[source.stem] = {"abi": json.loads(abi), "bytecode": bytecode}
    (HERE / "contracts.json").write_text(json.dumps(compiled, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
