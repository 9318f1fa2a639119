"""A measured client: does what it is told on its standard input, as `tests/bench/src/orders.rs` says.

client.py jitsimeet-python URL OPTIONS
client.py slixmpp HOST PORT
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

DOMAIN = "meet.example"
FLOOD = f"<message xmlns='jabber:client' to='{DOMAIN}'><body>flood:%d</body></message>"

OnStanza = Callable[[str], None]


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
    """jitsimeet."""

    def __init__(self, url: str, options: str) -> None:
        import jitsimeet

        given: dict[str, Any] = json.loads(options)
        if "workerThreads" in given:
            jitsimeet.init(worker_threads=given["workerThreads"])
        self.module = jitsimeet
        self.options = {"serviceUrl": url, "hosts": {"domain": DOMAIN}, **given}

    async def connect(self, on_stanza: OnStanza, on_resumed: Callable[[], None]) -> Any:
        """Return a connection."""
        connection = self.module.JitsiConnection(options=self.options)
        events = self.module.ConnectionEvent
        connection.add_event_listener(events.STANZA_RECEIVED, lambda stanza: on_stanza(stanza.from_))
        connection.add_event_listener(events.RESUMED, lambda _: on_resumed())
        await connection.connect()
        return connection

    def ask_for_flood(self, connection: Any, count: int) -> object:
        """Ask the server for stanzas."""
        return asyncio.ensure_future(connection.send_stanza(FLOOD % count))


class Slixmpp:
    """slixmpp, with stream management, which it has as a plugin."""

    def __init__(self, host: str, port: str) -> None:
        self.host, self.port = host, int(port)
        # One for all, though nobody uses it: each would read all authorities of the system.
        self.context = ssl.create_default_context()

    async def connect(self, on_stanza: OnStanza, on_resumed: Callable[[], None]) -> Any:
        """Return a connection."""
        from slixmpp import ClientXMPP
        from slixmpp.xmlstream.handler import Callback
        from slixmpp.xmlstream.matcher.base import MatcherBase

        class Stanzas(MatcherBase):
            """Every stanza."""

            def match(self, xml: Any) -> bool:
                return xml.tag in ("{jabber:client}message", "{jabber:client}presence", "{jabber:client}iq")

        client = ClientXMPP(DOMAIN, "", ssl_context=self.context)
        client.enable_direct_tls = client.enable_starttls = False
        client.enable_plaintext = True
        client.register_plugin("xep_0198")
        client.register_handler(
            Callback("every stanza", Stanzas(None), lambda stanza: on_stanza(str(stanza["from"])))
        )
        started = asyncio.get_running_loop().create_future()

        def session_start(_: Any) -> None:
            if not started.done():
                started.set_result(None)

        client.add_event_handler("session_start", session_start)
        client.add_event_handler("session_resumed", lambda _: on_resumed())
        # It leaves it to the program to connect again, which does so at once.
        client.add_event_handler("disconnected", lambda _: client.connect(self.host, self.port))
        client.connect(self.host, self.port)
        await started
        return client

    def ask_for_flood(self, connection: Any, count: int) -> object:
        """Ask the server for stanzas."""
        return connection.send_raw(FLOOD % count)


class Sessions:
    """What the orders are about."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.connections: list[Any] = []
        self.resumed = asyncio.Semaphore(0)
        self.left = 0
        self.flooded = asyncio.Event()

    def on_stanza(self, sender: str) -> None:
        """Count those that were asked for: what the server says by itself is none of them."""
        if sender and sender != DOMAIN:
            self.left -= 1
            if self.left == 0:
                self.flooded.set()

    async def open(self, count: int, at_once: int) -> None:
        """Log so many in, at most `at_once` at the same time, and keep them."""
        room = asyncio.Semaphore(at_once)

        async def one() -> Any:
            async with room:
                return await self.client.connect(self.on_stanza, self.resumed.release)

        self.connections += await asyncio.gather(*(one() for _ in range(count)))

    async def flood(self, count: int) -> None:
        """Have a callback read the sender of so many stanzas."""
        self.left = count
        self.flooded.clear()
        asked = self.client.ask_for_flood(self.connections[0], count)
        await self.flooded.wait()
        del asked

    async def resume(self) -> None:
        """Wait until every session has been lost and is there again."""
        for _ in self.connections:
            await self.resumed.acquire()

    async def idle(self, milliseconds: int) -> None:
        """Let time go by."""
        await asyncio.sleep(milliseconds / 1000)

    async def close(self) -> None:
        """End: with the process."""


CLIENTS: dict[str, Callable[[str, str], Any]] = {"jitsimeet-python": Jitsimeet, "slixmpp": Slixmpp}


async def main(name: str, *where: str) -> None:
    """Obey until the input ends."""
    sessions = Sessions(CLIENTS[name](*where))
    orders: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
        "open": sessions.open,
        "flood": sessions.flood,
        "resume": sessions.resume,
        "idle": sessions.idle,
        "close": sessions.close,
    }
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        verb, *numbers = line.decode().split()
        begin, used = time.monotonic_ns(), cpu()
        await orders[verb](*map(int, numbers))
        took = time.monotonic_ns() - begin
        print(round((cpu() - used) * 1e9), took, memory(), flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(main(*sys.argv[1:]))
