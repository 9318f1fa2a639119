"""The servers that the tests connect to, and ``async def`` tests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import inspect
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from jitsimeet import ConnectionEvent, JitsiConnection, StanzaReceived
from jitsimeet._events import Event

ROOT = Path(__file__).parents[2]
PROSODY_NOT_INSTALLED = 3
# Far beyond what a passing test takes, and no reason to wait for a failing one.
TEST_TIMEOUT = 30.0
PASSWORD = "pencil"
TOKEN_SECRET = "secret of the server"


# The programs that tests start inherit it where it is ignored, as it is in a shell's background.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async def`` test in an event loop of its own, with a deadline and nothing reported to the loop."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}
    reports: list[dict[str, Any]] = []

    async def run_test() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        await asyncio.wait_for(test(**arguments), TEST_TIMEOUT)

    asyncio.run(run_test())
    assert reports == []
    return True


@dataclass
class Server:
    """A server process: takes commands as JSON lines and ends with its standard input."""

    process: subprocess.Popen[str]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """What connects to it."""
        return self.options_for(self.about["serviceUrl"])

    def options_for(self, service_url: str) -> dict[str, Any]:
        options = {"serviceUrl": service_url, "hosts": {"domain": self.about["domain"]}}
        if service_url.startswith("wss:"):
            options["tls"] = {"caCertificates": self.about["caCertificate"]}
        return options

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def command(self, command: str, **arguments: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self.process.stdin.flush()
        return self.read()

    def sessions(self) -> list[str]:
        sessions: list[str] = self.command("sessions")["sessions"]
        return sessions

    def wait_for_session(self) -> None:
        """Block until somebody is logged in."""
        deadline = time.monotonic() + TEST_TIMEOUT
        while not self.sessions():
            assert time.monotonic() < deadline

    async def wait_for_connection(self) -> None:
        while not self.command("sessions")["connections"]:
            await asyncio.sleep(0.001)

    async def wait_for_no_session(self) -> None:
        while self.sessions():
            await asyncio.sleep(0.001)


def run(variable: str, name: str, *arguments: str) -> Iterator[Server]:
    program = os.environ.get(variable, str(ROOT / "target" / "release" / name))
    with subprocess.Popen(
        [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        server = Server(process)
        try:
            server.about = server.read()
        except json.JSONDecodeError:
            if process.wait() == PROSODY_NOT_INSTALLED and not os.environ.get("CI"):
                pytest.skip("Prosody is not installed")
            pytest.fail(f"{name} ended with {process.returncode}")
        yield server
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def server() -> Iterator[Server]:
    yield from run("JITSIMEET_TESTSERVER", "jitsimeet-testserver", "--port", "0")


@pytest.fixture
def tls_server() -> Iterator[Server]:
    yield from run("JITSIMEET_TESTSERVER", "jitsimeet-testserver", "--port", "0", "--tls")


@pytest.fixture
def account_server() -> Iterator[Server]:
    """Has the account ``user``."""
    account = f"user:{PASSWORD}"
    yield from run("JITSIMEET_TESTSERVER", "jitsimeet-testserver", "--port", "0", "--account", account)


@pytest.fixture
def token_server() -> Iterator[Server]:
    """Lets guests in with a token only."""
    secret = TOKEN_SECRET
    yield from run("JITSIMEET_TESTSERVER", "jitsimeet-testserver", "--port", "0", "--token-secret", secret)


def make_token(secret: str = TOKEN_SECRET, expires_in: int = 3600) -> str:
    """Make a JSON Web Token (HS256) that a server with this secret accepts until it expires, in seconds."""

    def encode(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    claims = {"exp": int(time.time()) + expires_in}
    signed = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"{signed}.{encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


@pytest.fixture(scope="session")
def prosody() -> Iterator[Server]:
    yield from run("JITSIMEET_TESTPROSODY", "jitsimeet-testprosody")


@pytest.fixture
def proxy(prosody: Server) -> Iterator[Server]:
    """Carries to Prosody, until it is told to do something else."""
    port = urlsplit(prosody.about["serviceUrl"]).port
    yield from run("JITSIMEET_TESTPROXY", "jitsimeet-testproxy", str(port))


@dataclass
class WebServer:
    """Answers every request over HTTP with the same."""

    url: str = ""
    bodies: list[str] = field(default_factory=list)
    """What the requests held."""


@asynccontextmanager
async def web_server(answer: object = None, **headers: str) -> AsyncIterator[WebServer]:
    """Serve an answer as JSON, in the event loop of the test. An ``_`` in the name of a header is a ``-``."""
    web = WebServer()
    body = json.dumps(answer)
    fields = {**headers, "content_length": str(len(body))}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())

    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: *(\d+)", request)
        web.bodies.append((await reader.readexactly(int(length[1]) if length else 0)).decode())
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n{body}".encode())
        await reader.read()  # Until the client closes.
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        web.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield web
        # The client is about to close; a task that is cut off would complain to the event loop.
        if served:
            await asyncio.wait(served, timeout=TEST_TIMEOUT)


def record(connection: JitsiConnection) -> list[Event]:
    """Return the list that all events of the connection go to, stanzas excepted."""
    events: list[Event] = []
    for name in set(ConnectionEvent) - {ConnectionEvent.STANZA_RECEIVED}:
        connection.add_event_listener(name, events.append)
    return events


def record_stanzas(connection: JitsiConnection) -> list[StanzaReceived]:
    """Return the list that all stanzas go to."""
    stanzas: list[StanzaReceived] = []
    connection.add_event_listener(ConnectionEvent.STANZA_RECEIVED, stanzas.append)
    return stanzas


async def next_event(connection: JitsiConnection, name: ConnectionEvent) -> Any:
    """Wait for the next event of this kind."""
    came = asyncio.get_running_loop().create_future()

    def listener(event: Event) -> None:
        connection.remove_event_listener(name, listener)
        came.set_result(event)

    connection.add_event_listener(name, listener)
    return await came
