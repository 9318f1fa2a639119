"""What an import brings with it, and what it leaves for later."""

from __future__ import annotations

import subprocess
import sys

import pytest

import jitsimeet
from jitsimeet import _connection


def run(script: str) -> str:
    """Run a script in an interpreter of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def imported(script: str) -> set[str]:
    return set(run(f"{script}\nimport sys\nprint(*sys.modules, sep='\\n')").splitlines())


def test_the_package_leaves_asyncio_and_what_else_takes_long_to_whoever_needs_it() -> None:
    modules = imported("import jitsimeet; jitsimeet.ConnectionEvent, jitsimeet.ConnectionFailed")
    assert "jitsimeet._native" in modules
    assert modules & {"asyncio", "concurrent.futures", "jitsimeet.sync", "json"} == set()


def test_a_program_without_asyncio_never_imports_it() -> None:
    modules = imported("""
from jitsimeet.sync import JitsiConnection
from jitsimeet.testing import TestServer

with TestServer() as server, JitsiConnection(options=server.options) as connection:
    heard = []
    connection.add_event_listener("connection.connectionEstablished", heard.append)
    with connection.events() as events:
        connection.connect(timeout=10)
        connection.ping(timeout=10)
        next(events)
    connection.get_logs()
    assert heard
""")
    assert "asyncio" not in modules


@pytest.mark.parametrize(
    "script",
    [
        "import jitsimeet; print(jitsimeet.sync.JitsiConnection.__module__)",
        "import jitsimeet.sync; print(jitsimeet.sync.JitsiConnection.__module__)",
        "from jitsimeet import sync; print(sync.JitsiConnection.__module__)",
        "from jitsimeet import *; print(sync.JitsiConnection.__module__)",
    ],
)
def test_the_blocking_twin_is_there_however_it_is_asked_for(script: str) -> None:
    assert run(script) == "jitsimeet.sync\n"


@pytest.mark.parametrize(
    "script",
    [
        "import jitsimeet; print(jitsimeet.JitsiConnection is jitsimeet.JitsiConnection)",
        "from jitsimeet import JitsiConnection as c; import jitsimeet; print(jitsimeet.JitsiConnection is c)",
        "from jitsimeet import *; import jitsimeet; print(JitsiConnection is jitsimeet.JitsiConnection)",
        "import jitsimeet; print({'JitsiConnection', 'sync', '__doc__'} < set(dir(jitsimeet)))",
    ],
)
def test_the_connection_is_there_however_it_is_asked_for(script: str) -> None:
    assert run(script) == "True\n"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert jitsimeet.JitsiConnection is _connection.JitsiConnection
    with pytest.raises(AttributeError, match="module 'jitsimeet' has no attribute 'Connection'"):
        _ = jitsimeet.Connection  # type: ignore[attr-defined]
