"""Fixtures for pytest: ``pytest_plugins = ["jitsimeet.pytest_plugin"]`` in a ``conftest.py``."""

from collections.abc import Iterator

import pytest

from .testing import TestServer


@pytest.fixture
def jitsimeet_server() -> Iterator[TestServer]:
    """Serve one test by a :class:`jitsimeet.testing.TestServer`."""
    with TestServer() as server:
        yield server
