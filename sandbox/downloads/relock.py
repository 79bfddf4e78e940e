"""Lock Kafka and the registry again: `python -m sandbox.downloads.relock` writes the lock files."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from jgo.maven import Artifact, MavenContext, PythonResolver

from sandbox.downloads.cache import cache_dir
from sandbox.downloads.lockfile import HERE, Locked, render

KAFKA = ("org.apache.kafka:kafka_2.13:4.4.0", "org.slf4j:slf4j-simple:1.7.36")
REGISTRY = ("io.apicurio", "apicurio-registry-app", "2.6.13.Final", "all", "tar.gz")


def main() -> None:
    """Fetch every artifact and write kafka.lock and registry.lock beside this module."""
    context = MavenContext(
        resolver=PythonResolver(), repo_cache=cache_dir() / "relock", local_repos=[], timeout=60
    )
    inputs, transitive = context.resolver.resolve([context.create_dependency(name) for name in KAFKA])
    kafka = tuple(_locked(dependency.artifact) for dependency in [*inputs, *transitive])
    group, name, version, classifier, packaging = REGISTRY
    archive = context.project(group, name).at_version(version).artifact(classifier, packaging)
    (HERE / "kafka.lock").write_text(render(kafka, "Apache Kafka with its dependencies"))
    (HERE / "registry.lock").write_text(render((_locked(archive),), "Apicurio Registry"))
    sys.stderr.write(f"locked {len(kafka)} jars of Kafka and the registry's archive\n")


def _locked(artifact: Artifact) -> Locked:
    data = Path(artifact.resolve()).read_bytes()
    return Locked(
        hashlib.sha256(data).hexdigest(),
        len(data),
        artifact.groupId,
        artifact.artifactId,
        artifact.version,
        artifact.classifier,
        artifact.packaging,
    )


if __name__ == "__main__":
    main()
