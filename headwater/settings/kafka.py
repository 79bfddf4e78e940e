"""The Kafka cluster: where it is and how to prove who we are.

Two clients connect with these, librdkafka and aiokafka: what only one of them could do is not offered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from headwater.settings.pem import certificates_problem, key_problem
from headwater.settings.section import Section

T = TypeVar("T")


class KafkaSettings(Section):
    """The Kafka cluster."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, host:port, comma separated.")
    compression: Literal["zstd", "lz4", "none"] = Field(
        "zstd", description="Compression of what is produced."
    )
    session_timeout_ms: int = Field(
        10_000, ge=1_000, description="Silence after which a group member counts as dead, milliseconds."
    )
    replication: int = Field(
        1, ge=1, description="Replication factor of the topics; with 3, min.insync.replicas is 2."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How to log in, with SASL_PLAINTEXT and SASL_SSL."
    )
    sasl_username: str | None = Field(None, description="SASL user.")
    sasl_password: SecretStr | None = Field(None, description="SASL password.")
    ssl_ca_location: Path | None = Field(
        None, description="CA certificates, a PEM file; null takes the system's."
    )
    ssl_certificate_location: Path | None = Field(
        None, description="Client certificate and its chain, a PEM file."
    )
    ssl_key_password: SecretStr | None = Field(None, description="Password of the client certificate's key.")
    ssl_key_location: Path | None = Field(None, description="Key of the client certificate, a PEM file.")

    def client_options(self) -> dict[str, str | int | float | bool]:
        """The security settings under librdkafka's names."""
        options: dict[str, str | int | float | bool] = {"security.protocol": self.security_protocol}
        for name in (
            "sasl_mechanism",
            "sasl_username",
            "ssl_ca_location",
            "ssl_certificate_location",
            "ssl_key_location",
        ):
            value = getattr(self, name)
            if value is not None:
                options[name.replace("_", ".")] = str(value)
        for name in ("sasl_password", "ssl_key_password"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None:
                options[name.replace("_", ".")] = secret.get_secret_value()
        return options

    # A field's validator sees the fields above it, so that an error names the setting to change.

    @field_validator("sasl_mechanism", "sasl_username", "sasl_password")
    @classmethod
    def _login(cls, value: T, info: ValidationInfo) -> T:
        protocol = info.data.get("security_protocol")
        given = value is not None and value not in ("", SecretStr(""))
        # Without a mechanism librdkafka would take GSSAPI, and aiokafka PLAIN.
        if protocol in ("SASL_PLAINTEXT", "SASL_SSL") and not given:
            raise _wrong(f"needed with kafka.security_protocol {protocol}")
        # Set and not used would mean no login at all, where somebody counts on one.
        if protocol in ("PLAINTEXT", "SSL") and given:
            raise _wrong(f"not used with kafka.security_protocol {protocol}: leave it out, or set SASL_SSL")
        return value

    @field_validator("ssl_ca_location", "ssl_certificate_location", "ssl_key_password", "ssl_key_location")
    @classmethod
    def _tls(cls, value: T, info: ValidationInfo) -> T:
        protocol = info.data.get("security_protocol")
        if protocol in ("PLAINTEXT", "SASL_PLAINTEXT") and value is not None:
            raise _wrong(
                f"not used with kafka.security_protocol {protocol}: leave it out, or set SSL or SASL_SSL"
            )
        if isinstance(value, Path):
            try:
                value.read_bytes()
            except OSError as error:
                raise _wrong(f"cannot read {value}: {error.strerror}") from error
        return value

    @field_validator("ssl_ca_location", "ssl_certificate_location")
    @classmethod
    def _certificates(cls, value: Path | None) -> Path | None:
        if value is not None and (problem := certificates_problem(value)):
            raise _wrong(problem)
        return value

    @field_validator("ssl_key_location")
    @classmethod
    def _key(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if not {"ssl_certificate_location", "ssl_key_password"} <= info.data.keys():
            return value  # they have an error of their own
        certificate: Path | None = info.data["ssl_certificate_location"]
        password: SecretStr | None = info.data["ssl_key_password"]
        if (value is None) != (certificate is None):
            raise _wrong("goes with kafka.ssl_certificate_location: set both or neither")
        if value is None or certificate is None:
            if password is not None:
                raise _wrong("needed with kafka.ssl_key_password")
            return None
        secret = None if password is None else password.get_secret_value()
        if problem := key_problem(certificate, value, secret):
            raise _wrong(problem)
        return value


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("kafka_security", "{message}", {"message": message})
