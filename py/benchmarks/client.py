"""One client of the measurements, in a process of its own: prints what it measured as JSON.

client.py CLIENT MEASUREMENT PORT COUNT [CERTIFICATE]
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Connect = Callable[[], Any]
OnStanza = Callable[[], None]
Measured = dict[str, float]


def cpu() -> float:
    """Return the seconds of the processor that this process has had."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory() -> int:
    """Return the bytes of memory that this process has for itself."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


class Jitsimeet:
    """jitsimeet, all options at their defaults."""

    def __init__(self, port: int, certificate: str | None) -> None:
        from jitsimeet import ConnectionEvent, JitsiConnection

        self.stanza_received = ConnectionEvent.STANZA_RECEIVED
        self.make = JitsiConnection
        host = "wss://localhost" if certificate else "ws://127.0.0.1"
        self.options: dict[str, Any] = {"serviceUrl": f"{host}:{port}/", "hosts": {"domain": "bench.example"}}
        if certificate:
            self.options["tls"] = {"caCertificates": Path(certificate).read_text()}

    async def connect(self, on_stanza: OnStanza | None = None) -> Any:
        """Return a connection."""
        connection = self.make(options=self.options)
        if on_stanza is not None:

            def received(stanza: Any) -> None:
                if stanza.from_:
                    on_stanza()

            connection.add_event_listener(self.stanza_received, received)
        await connection.connect()
        return connection

    def ask_for_flood(self, connection: Any, count: int) -> object:
        """Ask the server for stanzas."""
        return asyncio.ensure_future(
            connection.send_stanza(f"<message to='bench.example'><body>{count}</body></message>")
        )

    async def close(self, connection: Any) -> None:
        """Disconnect."""
        await connection.disconnect()


class Slixmpp:
    """slixmpp, with one TLS context for all."""

    def __init__(self, port: int, certificate: str | None) -> None:
        self.port, self.tls = port, certificate is not None
        self.context = ssl.create_default_context(cafile=certificate)

    async def connect(self, on_stanza: OnStanza | None = None) -> Any:
        """Return a connection."""
        from slixmpp import ClientXMPP
        from slixmpp.xmlstream.handler import Callback
        from slixmpp.xmlstream.matcher.base import MatcherBase

        class Stanzas(MatcherBase):
            def match(self, xml: Any) -> bool:
                return xml.tag in ("{jabber:client}message", "{jabber:client}presence")

        client = ClientXMPP("user@bench.example", "password", ssl_context=self.context)
        client.enable_direct_tls = self.tls
        client.enable_starttls = False
        client.enable_plaintext = not self.tls
        client.plugin["feature_mechanisms"].unencrypted_plain = True
        if on_stanza is not None:

            def received(stanza: Any) -> None:
                if stanza["from"]:
                    on_stanza()

            client.register_handler(Callback("every stanza", Stanzas(None), received))
        started = asyncio.get_running_loop().create_future()

        def session_start(_: Any) -> None:
            if not started.done():
                started.set_result(None)

        client.add_event_handler("session_start", session_start)
        client.connect("localhost" if self.tls else "127.0.0.1", self.port)
        await started
        return client

    def ask_for_flood(self, connection: Any, count: int) -> object:
        """Ask the server for stanzas."""
        return connection.send_raw(f"<message to='bench.example'><body>{count}</body></message>")

    async def close(self, connection: Any) -> None:
        """Disconnect."""
        connection.abort()


async def stanzas(client: Any, count: int) -> Measured:
    """Have a callback read the sender of so many stanzas."""
    seen = 0
    done = asyncio.get_running_loop().create_future()
    target = 0

    def on_stanza() -> None:
        nonlocal seen
        seen += 1
        if seen == target:
            done.set_result(None)

    connection = await client.connect(on_stanza)
    # What a server says on a login is none of them.
    await asyncio.sleep(0.2)
    seen, target = 0, count
    begin, used = time.monotonic(), cpu()
    asked = client.ask_for_flood(connection, count)
    await done
    outcome = {"seconds": time.monotonic() - begin, "cpu": cpu() - used}
    del asked
    await client.close(connection)
    return outcome


async def logins(client: Any, count: int) -> Measured:
    """Connect so many at once."""
    begin, used = time.monotonic(), cpu()
    connections = await asyncio.gather(*(client.connect() for _ in range(count)))
    outcome = {"seconds": time.monotonic() - begin, "cpu": cpu() - used}
    await asyncio.gather(*(client.close(connection) for connection in connections))
    return outcome


async def sessions(client: Any, count: int) -> Measured:
    """Hold so many sessions.

    Not all at once do they log in: what is asked for is what a session costs, and not the peak of a thousand logins.
    """
    first = await client.connect()
    before = memory()
    connections: list[Any] = []
    for _ in range(0, count, 50):
        connections += await asyncio.gather(*(client.connect() for _ in range(50)))
    await asyncio.sleep(2)
    outcome = {"bytes": (memory() - before) / count}
    await asyncio.gather(*(client.close(connection) for connection in [first, *connections]))
    return outcome


CLIENTS: dict[str, Any] = {"jitsimeet": Jitsimeet, "slixmpp": Slixmpp}
MEASUREMENTS: dict[str, Callable[[Any, int], Any]] = {
    "stanzas": stanzas,
    "logins": logins,
    "sessions": sessions,
}


def main(name: str, measurement: str, port: str, count: str, certificate: str | None = None) -> None:
    """Measure one thing with one client."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    async def measure() -> Measured:
        measured: Measured = await MEASUREMENTS[measurement](
            CLIENTS[name](int(port), certificate), int(count)
        )
        return measured

    print(json.dumps(asyncio.run(measure())))


if __name__ == "__main__":
    main(*sys.argv[1:])
