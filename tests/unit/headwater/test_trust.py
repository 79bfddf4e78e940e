"""CAs that are trusted beside the system's."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from headwater.errors import Fatal
from headwater.settings import load_settings
from headwater.trust import VARIABLE, trust_also


def named(name: str, folder: Path) -> tuple[str, Path]:
    """The name of a new CA, and the file that it is in."""
    path = folder / f"{name}.pem"
    trustme.CA(organization_name=name).cert_pem.write_to_path(path)
    return name, path


def trusted() -> list[str]:
    """The CAs, as Python tells them, that a client of today would trust."""
    return sorted(str(each["subject"]) for each in ssl.create_default_context().get_ca_certs())


def test_the_file_is_trusted_beside_what_is_trusted_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (system, bundle), (company, added) = named("the system", tmp_path), named("the company", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    trust_also(os.environ)
    assert len(trusted()) == 1
    assert system in trusted()[0]
    monkeypatch.setenv(VARIABLE, str(added))
    trust_also(os.environ)
    assert len(trusted()) == 2
    assert company in trusted()[0]
    assert system in trusted()[1]
    assert bundle.read_text().count("BEGIN CERTIFICATE") == 1


def test_without_a_file_of_the_systems_the_files_own_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, added = named("the company", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    monkeypatch.setenv(VARIABLE, str(added))
    trust_also(os.environ)
    assert len(trusted()) == 1
    assert company in trusted()[0]


@pytest.mark.parametrize("content", [None, "", "certificates"], ids=["none", "empty", "text"])
def test_a_file_without_certificates_ends_a_command_in_one_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Fatal, match=f"cannot read certificates from {path}"):
        trust_also({VARIABLE: str(path)})
    ended = subprocess.run(
        [sys.executable, "-m", "headwater", "version"],
        env={**os.environ, VARIABLE: str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"headwater: cannot read certificates from {path}: ")
    assert ended.stderr.count("\n") == 1


def test_without_room_for_temporary_files_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, added = named("the company", tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(Fatal, match=r"cannot write the CAs .*: No such file or directory; .*TMPDIR"):
        trust_also({VARIABLE: str(added)})


def test_a_command_trusts_it_before_any_client_is_imported_and_leaves_nothing(tmp_path: Path) -> None:
    _, added = named("the company", tmp_path)
    folder = tmp_path / "temporary"
    folder.mkdir()
    # aiohttp makes the context of its connectors when it is imported.
    program = (
        "import sys, headwater.cli as cli\n"
        "def build(words):\n"
        "    assert 'aiohttp' not in sys.modules\n"
        "    import ssl\n"
        "    found = str(ssl.create_default_context().get_ca_certs())\n"
        "    return lambda: print('the company' in found)\n"
        "cli.build = build\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, VARIABLE: str(added), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert list(folder.iterdir()) == []


def test_the_variable_is_not_taken_for_a_setting(tmp_path: Path) -> None:
    assert load_settings(environ={VARIABLE: str(tmp_path / "ca.pem")})
