"""What the dispatcher relies on in the channels that were applied: subclasses say where they stand."""

from __future__ import annotations

from typing import Protocol

import pytest

from connectors.delivery.channels.print import PrintSettings
from connectors.delivery.channels.text import Written
from connectors.delivery.dispatcher import Channels


class ChannelStore(Protocol):
    """Where channels are applied, none at first; each reader is another process's."""

    def reader(self) -> Channels: ...
    def apply(self, *channels: Written) -> None: ...
    def remove(self, channel: str) -> None: ...


def printing(channel: str, **settings: object) -> Written:
    return Written(channel, "print", PrintSettings.model_validate(settings))


class ChannelsContract:
    """Tests of Channels."""

    @pytest.fixture
    def store(self) -> ChannelStore:
        raise AssertionError("the subclass says which store")

    def test_what_was_applied_is_there_for_all_with_its_settings(self, store: ChannelStore) -> None:
        early = store.reader()
        assert dict(early.refresh()) == {}
        store.apply(printing("ops"), printing("night", at_once=1))
        for reader in (early, store.reader()):
            found = reader.refresh()
            assert set(found) == {"ops", "night"}
            night = found["night"]
            assert (night.id, night.kind, night.problem) == ("night", "print", "")
            assert night.settings == PrintSettings(at_once=1)

    def test_one_that_is_applied_again_is_as_it_was_set_last_since_when_it_was_first(
        self, store: ChannelStore
    ) -> None:
        reader = store.reader()
        store.apply(printing("ops"), printing("night"))
        since = reader.refresh()["ops"].since
        store.apply(printing("ops", at_once=2))
        found = reader.refresh()
        assert (found["ops"].settings, found["ops"].since) == (PrintSettings(at_once=2), since)
        assert found["night"].settings == PrintSettings()

    def test_one_that_was_removed_is_no_more_until_it_is_applied_anew(self, store: ChannelStore) -> None:
        reader = store.reader()
        store.apply(printing("ops"), printing("night"))
        assert set(reader.refresh()) == {"ops", "night"}
        store.remove("ops")
        assert set(reader.refresh()) == set(store.reader().refresh()) == {"night"}
        store.apply(printing("ops"))
        assert set(reader.refresh()) == {"ops", "night"}
