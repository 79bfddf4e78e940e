"""Settings of a secured cluster: what cannot work is said at start, by the setting's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from headwater.errors import Fatal
from headwater.settings import KafkaSettings, load_settings
from tests.builders.certificates import KEY_PASSWORD, Certificates, make

LOGIN = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "headwater", "sasl_password": "secret"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make(tmp_path_factory.mktemp("certificates"))


def kafka(**values: object) -> KafkaSettings:
    """As a user sets them: in the environment."""
    variables = {f"HEADWATER_KAFKA__{name.upper()}": str(value) for name, value in values.items()}
    return load_settings(environ=variables).kafka


def test_a_login_reaches_librdkafka_under_its_names(files: Certificates) -> None:
    settings = kafka(security_protocol="SASL_SSL", ssl_ca_location=files.ca, **LOGIN)
    assert settings.client_options() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "headwater",
        "sasl.password": "secret",
        "ssl.ca.location": str(files.ca),
    }


def test_a_client_certificate_may_have_a_locked_key(files: Certificates) -> None:
    settings = kafka(
        security_protocol="SSL",
        ssl_ca_location=files.ca,
        ssl_certificate_location=files.client,
        ssl_key_location=files.locked_key,
        ssl_key_password=KEY_PASSWORD,
    )
    assert settings.client_options()["ssl.key.password"] == KEY_PASSWORD


@pytest.mark.parametrize("missing", list(LOGIN))
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_half_a_login_names_what_is_missing(protocol: str, missing: str) -> None:
    given = {name: value for name, value in LOGIN.items() if name != missing}
    with pytest.raises(Fatal, match=rf"setting kafka\.{missing} \(default\): needed with .* {protocol}"):
        kafka(security_protocol=protocol, **given)


def test_an_empty_password_is_none() -> None:
    with pytest.raises(Fatal, match=r"setting kafka\.sasl_password \(environment\): needed with"):
        kafka(security_protocol="SASL_SSL", **LOGIN | {"sasl_password": ""})


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "GSSAPI", "SCRAM-SHA-1"])
def test_a_mechanism_that_only_one_client_has_is_no_choice(mechanism: str) -> None:
    with pytest.raises(Fatal, match=r"setting kafka\.sasl_mechanism .*'PLAIN', 'SCRAM-SHA-256' or"):
        kafka(security_protocol="SASL_SSL", **LOGIN | {"sasl_mechanism": mechanism})


def test_a_login_that_nobody_would_ask_for_is_refused() -> None:
    with pytest.raises(Fatal, match=r"setting kafka\.sasl_mechanism .*not used with .* PLAINTEXT"):
        kafka(**LOGIN)


def test_certificates_that_nobody_would_look_at_are_refused(files: Certificates) -> None:
    with pytest.raises(Fatal, match=r"setting kafka\.ssl_ca_location .*not used with .* SASL_PLAINTEXT"):
        kafka(security_protocol="SASL_PLAINTEXT", ssl_ca_location=files.ca, **LOGIN)


@pytest.mark.parametrize(
    ("files_set", "message"),
    [
        ({"ssl_ca_location": "absent"}, r"ssl_ca_location .*cannot read .*absent: No such file"),
        ({"ssl_ca_location": "."}, r"ssl_ca_location .*cannot read .*: Is a directory"),
        ({"ssl_ca_location": "client_key"}, r"ssl_ca_location .*client-key\.pem holds no certificates"),
        ({"ssl_certificate_location": "client"}, r"ssl_key_location \(default\): .*set both or neither"),
        ({"ssl_key_location": "client_key"}, r"ssl_key_location .*set both or neither"),
        ({"ssl_key_password": KEY_PASSWORD}, r"ssl_key_location \(default\): needed with"),
        (
            {"ssl_certificate_location": "client", "ssl_key_location": "foreign_key"},
            r"ssl_key_location .*foreign-key\.pem is not the key of the certificate in .*client\.pem",
        ),
        (
            {"ssl_certificate_location": "client", "ssl_key_location": "ca"},
            r"ssl_key_location .*ca\.pem holds no private key",
        ),
        (
            {"ssl_certificate_location": "client_key", "ssl_key_location": "client_key"},
            r"ssl_certificate_location .*client-key\.pem holds no certificates",
        ),
        (
            {"ssl_certificate_location": "client", "ssl_key_location": "locked_key"},
            r"ssl_key_location .*locked\.pem is encrypted, and ssl_key_password is not set",
        ),
        (
            {
                "ssl_certificate_location": "client",
                "ssl_key_location": "locked_key",
                "ssl_key_password": "wrong",
            },
            r"ssl_key_location .*locked\.pem is encrypted, and ssl_key_password is wrong",
        ),
    ],
)
def test_files_that_cannot_work_are_told_by_name(
    files: Certificates, files_set: Mapping[str, str], message: str
) -> None:
    values = {
        name: getattr(files, value, files.ca.parent / value) if name.endswith("location") else value
        for name, value in files_set.items()
    }
    with pytest.raises(Fatal, match=rf"setting kafka\.{message}") as raised:
        kafka(security_protocol="SSL", **values)
    assert KEY_PASSWORD not in str(raised.value)


def test_a_file_that_may_not_be_read_is_told(files: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Fatal, match=r"ssl_ca_location .*cannot read .*ca\.pem: Permission denied"):
        kafka(security_protocol="SSL", ssl_ca_location=files.ca)
