"""A schema registry in memory, with our streams' schemas and what else a test puts there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.request import Request

from headwater.settings import RegistrySettings, load_settings
from schemas import schema_of, streams
from schemas.client import Answer, RegistryClient
from schemas.naming import subject_of
from schemas.registry import Registry, canonical


class Shelf:
    """A registry with these schemas by subject and by id. `answers` are of ids that it answers otherwise."""

    def __init__(self) -> None:
        settings = load_settings({}, environ={})
        self.subjects = {
            (subject_of(settings, stream), canonical(schema_of(stream))): number
            for number, stream in enumerate(streams(), 1)
        }
        self.ids = {number: text for (_, text), number in self.subjects.items()}
        self.answers: dict[int, Answer] = {}
        self.asked = 0
        client = RegistryClient(RegistrySettings.model_validate({"url": "http://r/api/"}), self)
        self.registry = Registry(settings, client)

    def has(self, schema_id: int, text: str, **more: object) -> None:
        """Put a schema there, with what else the answer says of it."""
        body: Mapping[str, object] = {"schema": text, **more}
        self.answers[schema_id] = Answer(200, body)

    def __call__(self, request: Request) -> Answer:
        self.asked += 1
        *_, kind, last = request.full_url.split("/")
        if kind == "ids":
            if int(last) in self.answers:
                return self.answers[int(last)]
            text = self.ids.get(int(last))
            return Answer(404, {}) if text is None else Answer(200, {"schema": text})
        assert (request.get_method(), kind) == ("POST", "subjects")
        found = self.subjects.get((last, json.loads(request.data)["schema"]))  # type: ignore[arg-type]
        return Answer(404, {}) if found is None else Answer(200, {"id": found})
