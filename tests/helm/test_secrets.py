"""A secret stands in a Secret, by a value that exists, and reaches the processes that it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.trust import VARIABLE
from tests.helm.chart import CHART, WORKLOADS, Resource, containers, made, named, pods, template
from tests.helm.settings_schema import secrets

PROXY = ("--set", "secrets.deliveryProxy.existingSecret=proxy")


def containers_of(*options: str) -> dict[str, Resource]:
    """Role → its container."""
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["template"]["spec"][
            "containers"
        ][0]
        for each in made(named("minimal"), *options)
        if each["kind"] in WORKLOADS
    }


@pytest.mark.parametrize("name", sorted(secrets()))
def test_a_secret_in_settings_is_refused_and_the_value_that_has_it_is_named(name: str) -> None:
    done = template(named("minimal"), "--set", f"settings.{name}=hunter2")
    assert done.returncode != 0
    assert "hunter2" not in done.stderr
    (advice,) = re.findall(r"see ((?:secrets|chains)\.\S+) in the chart's README", done.stderr)
    node: Any = yaml.safe_load((CHART / "values.yaml").read_text())
    if not advice.startswith("chains."):
        for key in advice.split("."):
            node = node[key]
        assert "existingSecret" in node
    else:
        schema = yaml.safe_load(Path(CHART / "values.schema.json").read_text())
        (key,) = re.findall(r"chains\.\*\.(\w+)", advice)
        assert key in schema["properties"]["chains"]["additionalProperties"]["properties"]


def test_the_proxy_of_deliveries_is_told_to_who_sends_them() -> None:
    told = {
        role
        for role, container in containers_of(*PROXY).items()
        for each in container["env"]
        if each["name"] == "HEADWATER_DELIVERY__PROXY"
    }
    assert told == {"deliver", "tools"}  # `headwater channels test` sends too
    (variable,) = (
        each
        for each in containers_of(*PROXY, "--set", "secrets.deliveryProxy.key=url")["deliver"]["env"]
        if each["name"] == "HEADWATER_DELIVERY__PROXY"
    )
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "proxy", "key": "url"}}
    assert not any(each["name"] == "HEADWATER_DELIVERY__PROXY" for each in containers_of()["deliver"]["env"])


def test_a_private_ca_is_trusted_beside_the_systems_by_every_process() -> None:
    # SSL_CERT_FILE would take the system's place, and receivers of alerts are public.
    for name, pod in pods(named("external-secrets")):
        (volume,) = (each for each in pod["volumes"] if each["name"] == "trusted-ca")
        assert volume["secret"]["secretName"] == "company-ca"
        for container in containers(pod):
            told = {each["name"]: each.get("value") for each in container["env"]}
            (mount,) = (each for each in container["volumeMounts"] if each["name"] == "trusted-ca")
            assert told[VARIABLE] == f"{mount['mountPath']}/bundle.pem", name
            assert "SSL_CERT_FILE" not in told
