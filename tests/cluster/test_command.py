"""`make cluster` on a machine that lacks something says what, and starts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.errors import Transient
from tests.cluster import __main__ as command
from tests.cluster import builds, enclosure, images, needs
from tests.helm import toolbox


@pytest.fixture(autouse=True)
def _nothing_is_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    def entered(_: object) -> int:
        raise AssertionError("it was entered")

    monkeypatch.setattr(enclosure, "run", entered)


def test_what_is_missing_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "missing_here", lambda _: ["runc: apt-get install runc", "root"])
    assert command.main([]) == command.LACKING
    assert capsys.readouterr().err.splitlines()[1:] == ["  runc: apt-get install runc", "  root"]


def test_what_cannot_be_built_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(build: builds.Build) -> None:
        raise Transient(f"go build of {build.name} failed", remedy="see to the network")

    monkeypatch.setattr(needs, "missing_here", lambda _: [])
    monkeypatch.setattr(command, "fetch_programs", lambda *_, **__: None)
    monkeypatch.setattr(toolbox, "helm", lambda: None)
    monkeypatch.setattr(toolbox, "kubectl", lambda: None)
    monkeypatch.setattr(builds, "built", unreachable)
    # Named by what git knows, which need not be here.
    monkeypatch.setattr(images, "images", lambda: Path("none"))
    assert command.main(["--without-keda"]) == 1
    assert "make cluster: go build of pause failed" in capsys.readouterr().err
