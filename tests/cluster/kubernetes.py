"""kubectl and Helm against the cluster, and what they say of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from headwater.errors import Fatal

COMMAND_SECONDS: Final = 400
Resource = dict[str, Any]


class Kubernetes:
    """Both programs, as the cluster's administrator."""

    def __init__(self, kubectl: Path, helm: Path, kubeconfig: Path, folder: Path) -> None:
        self._programs = {"kubectl": str(kubectl), "helm": str(helm)}
        self._variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            **{f"HELM_{kind}_HOME": str(folder / "helm") for kind in ("CACHE", "CONFIG", "DATA")},
        }

    def tried(self, program: str, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one, however it ends; `given` is its standard input. Raises Fatal when it takes too long."""
        try:
            return subprocess.run(
                [self._programs[program], *words],
                input=given,
                capture_output=True,
                text=True,
                check=False,
                env=self._variables,
                timeout=COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise Fatal(f"{program} {' '.join(words[:3])} … was not done in {COMMAND_SECONDS} s") from error

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What it printed. Raises Fatal with what it says when it fails."""
        return self._done("kubectl", words, given)

    def helm(self, *words: str) -> str:
        """What it printed. Raises Fatal with what it says when it fails."""
        return self._done("helm", words, None)

    def _done(self, program: str, words: Sequence[str], given: str | None) -> str:
        done = self.tried(program, *words, given=given)
        if done.returncode != 0:
            raise Fatal(f"{program} {' '.join(words[:3])} …: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def apply(self, *resources: Resource) -> None:
        """Have resources be as given."""
        self.kubectl("apply", "--server-side", "-f", "-", given="\n---\n".join(map(json.dumps, resources)))

    def items(self, kind: str, selector: str = "") -> list[Resource]:
        """All resources of a kind, selected by labels."""
        chosen = ("--selector", selector) if selector else ()
        found: list[Resource] = json.loads(self.kubectl("get", kind, "-o", "json", *chosen))["items"]
        return found


def is_ready(pod: Resource) -> bool:
    """Does a pod count as ready, and is it to stay?"""
    conditions: list[Mapping[str, str]] = pod["status"].get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def role_of(pod: Resource) -> str:
    """The role that a pod of the chart has."""
    return str(pod["metadata"]["labels"]["app.kubernetes.io/component"])


def told(pods: Sequence[Resource]) -> str:
    """Of the pods that are not ready: which, and why."""
    return "; ".join(
        f"{pod['metadata']['name']} {pod['status'].get('phase')} {_reason(pod)}"
        for pod in pods
        if not is_ready(pod)
    )


def _reason(pod: Resource) -> str:
    for container in pod["status"].get("containerStatuses", []):
        for state in container["state"].values():
            if "reason" in state:
                return f"{state['reason']} {state.get('message', '')}".strip()
    return next(
        (str(each.get("message", "")) for each in pod["status"].get("conditions", []) if "message" in each),
        "",
    )
