"""The server of the measurements: every login succeeds, and a message brings a flood of stanzas.

XMPP over TCP for slixmpp, over WebSocket for jitsimeet; each with TLS and without. It does as little as it can, so that
the client is what is measured. Prints its four ports, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
import struct
import sys
from pathlib import Path
from typing import cast

import uvloop

CORPUS = Path(__file__).parents[2] / "tests" / "bench" / "corpus" / "stanzas.txt"
STANZA = re.compile(
    rb"<stream:stream[^>]*>|</stream:stream>|<(?:auth|iq|message|presence|enable|open|close|r|a)\b(?:[^>]*/>|.*?</(?:auth|iq|message|presence)>)",
    re.DOTALL,
)
FRAMING = b"xmlns='urn:ietf:params:xml:ns:xmpp-framing'"
FEATURES = (
    b"<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>"
    b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism>"
    b"<mechanism>PLAIN</mechanism></mechanisms></stream:features>"
)
FEATURES_BOUND = (
    b"<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>"
    b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
)


def frame(text: bytes) -> bytes:
    """Return a text frame of WebSocket."""
    if len(text) < 126:
        return b"\x81" + bytes([len(text)]) + text
    return b"\x81\x7e" + struct.pack(">H", len(text)) + text


# A client answers requests by itself, and whether it shows them is another matter.
STANZAS = [line for line in CORPUS.read_bytes().splitlines() if line.startswith((b"<message", b"<presence"))]
FRAMES = [frame(stanza) for stanza in STANZAS]


class Session(asyncio.Protocol):
    """One connection, of either kind."""

    websocket = False
    count = 0

    def __init__(self) -> None:
        self.buffer = b""
        self.authenticated = False
        self.handled = 0
        self.room = asyncio.Event()
        self.room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = 0
        for match in STANZA.finditer(self.buffer):
            self.handle(match[0])
            end = match.end()
        self.buffer = self.buffer[end:]

    def handle(self, stanza: bytes) -> None:
        if stanza.startswith((b"<stream:stream", b"<open")):
            features = FEATURES_BOUND if self.authenticated else FEATURES
            self.write(self.header(), features)
        elif stanza.startswith(b"<auth"):
            self.authenticated = True
            self.write(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        elif stanza.startswith(b"<iq"):
            self.handled += 1
            identity = re.search(rb"\bid=['\"]([^'\"]*)", stanza)
            number = b"id='" + (identity[1] if identity else b"") + b"'"
            if b"xmpp-bind" in stanza:
                Session.count += 1
                jid = b"u%d@bench.example/r" % Session.count
                bound = b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + jid + b"</jid></bind>"
                self.write(b"<iq xmlns='jabber:client' type='result' " + number + b">" + bound + b"</iq>")
            elif b"type='result'" not in stanza and b"type='error'" not in stanza:
                self.write(b"<iq xmlns='jabber:client' type='result' " + number + b"/>")
        elif stanza.startswith(b"<enable"):
            self.handled = 0
            self.write(b"<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true' max='600'/>")
        elif stanza.startswith(b"<r"):
            self.write(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % self.handled)
        elif stanza.startswith(b"<message"):
            self.handled += 1
            amount = re.search(rb"<body>(\d+)</body>", stanza)
            self.flooding = asyncio.ensure_future(self.flood(int(amount[1]) if amount else 0))
        elif stanza.startswith(b"<presence"):
            self.handled += 1
        elif stanza.startswith((b"</stream", b"<close")):
            self.write(self.trailer())
            self.transport.close()

    async def flood(self, count: int) -> None:
        stanzas = FRAMES if self.websocket else STANZAS
        chunk = b"".join(stanzas)
        for _ in range(count // len(stanzas)):
            await self.room.wait()
            self.transport.write(chunk)
        self.transport.write(b"".join(stanzas[: count % len(stanzas)]))

    def header(self) -> bytes:
        return (
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='bench.example' id='s' version='1.0' "
            b"xmlns:stream='http://etherx.jabber.org/streams'>"
        )

    def trailer(self) -> bytes:
        return b"</stream:stream>"

    def write(self, *stanzas: bytes) -> None:
        self.transport.write(b"".join(stanzas))


class WebSocketSession(Session):
    """One over WebSocket (RFC 7395)."""

    websocket = True

    def __init__(self) -> None:
        super().__init__()
        self.raw = b""
        self.open = False

    def data_received(self, data: bytes) -> None:
        self.raw += data
        if not self.open:
            head, found, self.raw = self.raw.partition(b"\r\n\r\n")
            if not found:
                self.raw = head
                return
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
            if key is None:
                # A keep-alive request.
                self.transport.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                self.transport.close()
                return
            accept = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Accept: "
                + base64.b64encode(accept)
                + b"\r\n\r\n"
            )
            self.open = True
        while len(self.raw) >= 6:
            length, start = self.raw[1] & 127, 2
            if length == 126:
                length, start = struct.unpack(">H", self.raw[2:4])[0], 4
            end = start + 4 + length
            if len(self.raw) < end:
                return
            mask, payload = self.raw[start : start + 4], self.raw[start + 4 : end]
            opcode, self.raw = self.raw[0] & 15, self.raw[end:]
            if opcode == 8:
                self.transport.close()
                return
            key_stream = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
            self.handle((int.from_bytes(payload, "big") ^ key_stream).to_bytes(length, "big"))

    def header(self) -> bytes:
        return b"<open " + FRAMING + b" from='bench.example' id='s' version='1.0'/>"

    def trailer(self) -> bytes:
        return b"<close " + FRAMING + b"/>"

    def write(self, *stanzas: bytes) -> None:
        self.transport.write(b"".join(map(frame, stanzas)))


async def main(certificate: str, key: str) -> None:
    """Serve until the input ends."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ports = []
    for kind in (Session, WebSocketSession):
        for tls in (None, context):
            server = await loop.create_server(kind, "127.0.0.1", 0, ssl=tls, backlog=4096)
            ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
