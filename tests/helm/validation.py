"""Holds Kubernetes resources against their schemas: a program run with kubernetes-validate on its path.

Standard input has YAML documents, the argument is a folder with CustomResourceDefinitions; each problem is
one line on standard output. Strict: a field that no schema knows is a problem.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.37"
# Whose API has no definition among those fetched: it is said to be unproved in docs/operations.md.
UNCHECKED = ("kafka.strimzi.io/",)


def strict(node: Any) -> Any:
    """An OpenAPI schema that refuses fields that it does not name."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: strict(each) for name, each in node.items()}
    open_ended = "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(node.get("properties"), dict) and not open_ended and node.get("type") == "object":
        made["additionalProperties"] = False
    return made


def definitions(folder: Path) -> dict[tuple[str, str], Any]:
    """(apiVersion, kind) → schema."""
    found = {}
    for path in folder.glob("*.yaml"):
        definition = yaml.safe_load(path.read_text())["spec"]
        for version in definition["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{definition['group']}/{version['name']}", definition["names"]["kind"]] = schema
    return found


def problems(resource: dict[str, Any], custom: dict[tuple[str, str], Any]) -> list[str]:
    """What is wrong with one resource."""
    schema = custom.get((resource["apiVersion"], resource["kind"]))
    if schema is not None:
        found = jsonschema.Draft7Validator(schema).iter_errors(resource)
        return [f"{'.'.join(map(str, each.absolute_path))}: {each.message}" for each in found]
    if resource["apiVersion"].startswith(UNCHECKED):
        return []
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
        return [f"no schema: {error}"]
    return []


def main() -> None:
    """Print every problem of every document."""
    custom = definitions(Path(sys.argv[1]))
    for resource in yaml.safe_load_all(sys.stdin):
        if resource is not None:
            for problem in problems(resource, custom):
                sys.stdout.write(f"{resource['kind']} {resource['metadata']['name']}: {problem}\n")


if __name__ == "__main__":
    main()
