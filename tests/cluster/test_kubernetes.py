"""What a pod says of itself is read as Kubernetes means it."""

from __future__ import annotations

from typing import Any

from tests.cluster.kubernetes import is_ready, role_of, told


def pod(name: str, *, ready: bool, waiting: str = "", leaving: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {"app.kubernetes.io/component": name}}
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    state = {"waiting": {"reason": waiting, "message": "no such image"}} if waiting else {"running": {}}
    condition = {"type": "Ready", "status": "True" if ready else "False", "message": "containers not ready"}
    return {
        "metadata": metadata,
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Initialized", "status": "True"}, condition],
            "containerStatuses": [{"state": state}],
        },
    }


def test_a_pod_that_leaves_counts_no_more() -> None:
    assert is_ready(pod("sink", ready=True))
    assert not is_ready(pod("sink", ready=True, leaving=True))
    assert not is_ready(pod("sink", ready=False))
    assert not is_ready({"metadata": {}, "status": {}})


def test_of_those_not_ready_it_is_said_why() -> None:
    summary = told([pod("listen", ready=True), pod("sink", ready=False, waiting="ErrImageNeverPull")])
    assert summary == "sink Running ErrImageNeverPull no such image"
    assert "containers not ready" in told([pod("state", ready=False)])
    assert role_of(pod("state", ready=False)) == "state"
