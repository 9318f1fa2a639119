"""The package exposes exactly what tests/surface.toml lists."""

from __future__ import annotations

import dataclasses
import re
import sys
from importlib.metadata import version
from typing import Any

import pytest

import jitsimeet
from conftest import ROOT
from jitsimeet import (
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionState,
    DisplayNameRequired,
    InvalidOptionError,
    JitsiConnection,
    JitsiError,
    TokenExpired,
    _native,
    sync,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="module")
def surface() -> dict[str, Any]:
    return tomllib.loads((ROOT / "tests" / "surface.toml").read_text())


def test_the_module(surface: dict[str, Any]) -> None:
    assert sorted(jitsimeet.__all__) == sorted(surface["python"]["module"])
    assert all(hasattr(jitsimeet, name) for name in jitsimeet.__all__)


@pytest.mark.parametrize("connection", [JitsiConnection, sync.JitsiConnection])
def test_the_connection(surface: dict[str, Any], connection: type) -> None:
    public = [name for name in dir(connection) if not name.startswith("_")]
    assert sorted(public) == sorted(surface["python"]["connection"])


def test_the_events(surface: dict[str, Any]) -> None:
    assert set(ConnectionEvent) == set(_native.EVENTS) == set(surface["events"])


def test_the_error_types(surface: dict[str, Any]) -> None:
    assert set(ConnectionErrorType) == set(_native.ERROR_TYPES) == set(surface["error_types"])


def test_the_codes(surface: dict[str, Any]) -> None:
    assert set(ConnectionErrorCode) == set(_native.CODES) == set(surface["codes"])
    assert all(code.name == code.value.upper() for code in ConnectionErrorCode)


def test_the_statuses(surface: dict[str, Any]) -> None:
    assert set(_native.STATUSES) == set(surface["statuses"])
    classes = [value for value in vars(jitsimeet).values() if isinstance(value, type)]
    exceptions = [value for value in classes if issubclass(value, JitsiError)]
    statuses = [exception.status for exception in exceptions]
    assert set(statuses) <= set(surface["statuses"])
    assert len(set(statuses)) == len(exceptions)


def test_the_connection_times(surface: dict[str, Any]) -> None:
    assert set(_native.CONNECTION_TIMES) == set(surface["connection_times"])


def test_the_states(surface: dict[str, Any]) -> None:
    assert set(ConnectionState) == set(_native.STATES) == set(surface["states"])
    assert all(state.name == state.value.upper() for state in ConnectionState)


def test_the_options(surface: dict[str, Any]) -> None:
    lists: dict[str, list[str]] = surface["options"]
    assert sorted(_native.OPTIONS) == sorted(lists["connection"] + lists["init"] + lists["no_effect"])


def test_every_option_is_checked_under_its_name(surface: dict[str, Any]) -> None:
    for path in surface["options"]["connection"] + surface["options"]["init"]:
        # No option is a fraction.
        options: Any = 0.5
        for key in reversed(path.split(".")):
            options = {key: options}
        with pytest.raises(InvalidOptionError) as caught:
            JitsiConnection(options=options)
        assert caught.value.key == path


def test_every_option_has_a_keyword_in_snake_case(surface: dict[str, Any]) -> None:
    for path in surface["options"]["connection"] + surface["options"]["init"]:
        keywords: Any = 0.5
        for key in reversed(re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", path).split(".")):
            keywords = {key: keywords}
        with pytest.raises(InvalidOptionError) as caught:
            JitsiConnection(**keywords)
        assert caught.value.key == path


def test_the_version_is_that_of_the_workspace() -> None:
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert jitsimeet.__version__ == version("jitsimeet") == workspace


def test_a_name_prints_and_formats_as_its_string() -> None:
    event = ConnectionEvent.CONNECTION_FAILED
    assert str(event) == f"{event}" == event == "connection.connectionFailed"


def test_events_and_values_are_frozen_dataclasses() -> None:
    event = ConnectionEstablished("resource", resumed=True)
    assert repr(event) == "ConnectionEstablished(id='resource', resumed=True, reconnected=False)"
    assert dataclasses.asdict(event) == {"id": "resource", "resumed": True, "reconnected": False}
    same, other = dataclasses.replace(event), dataclasses.replace(event, resumed=False)
    assert len({event, same, other}) == 2
    # Without a field they are equal to their own kind alone.
    assert TokenExpired() == TokenExpired() != DisplayNameRequired()
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.id = "another"  # type: ignore[misc]
