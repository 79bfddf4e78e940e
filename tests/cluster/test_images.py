"""The image's context is what the Containerfile copies; its build is told how packages are reached."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cluster import images, second_version
from tests.cluster.images import COPIED, NEW, OLD, context, pip_settings
from tests.paths import ROOT

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@needs_git
def test_the_context_has_all_that_is_copied() -> None:
    text = (ROOT / "Containerfile").read_text()
    copied = [
        word
        for words in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        for word in words.split()
    ]
    assert len(copied) > 8
    names = context()
    for word in copied:
        assert any(name == word or name.startswith(f"{word.rstrip('/')}/") for name in names), word
    assert "Containerfile" in names


@needs_git
def test_the_context_has_nothing_that_git_does_not_know() -> None:
    assert not [name for name in context() if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in context() if name.startswith("tests/")]
    assert all(name.startswith(COPIED) for name in context())


@needs_git
def test_both_versions_are_made_anew_when_the_second_one_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {images.archive(version) for version in (OLD, NEW)}
    assert len({path.parent for path in before}) == 1
    (tmp_path / "second_version.py").write_text("# changed\n")
    monkeypatch.setattr(second_version, "__file__", str(tmp_path / "second_version.py"))
    assert not before & {images.archive(version) for version in (OLD, NEW)}


def test_pip_is_told_how_packages_are_reached() -> None:
    configured = "\n".join(
        [
            ":env:.cert='/home/someone/bundle.pem'",
            ":env:.find-links='/opt/wheels'",
            "global.index-url='https://example.org/simple'",
            "global.timeout='180'",
        ]
    )
    assert pip_settings(configured).splitlines() == [
        "[global]",
        "cert = /etc/ssl/certs/ca-certificates.crt",
        "index-url = https://example.org/simple",
        "timeout = 180",
    ]
