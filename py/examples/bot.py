"""A bot that stays connected, and says back what it is told.

    SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org python bot.py

A lost transport is replaced by the library, and the session goes on; with the option ``reconnect`` a lost session is
replaced too, for as long as it takes. What ends the program is Ctrl-C, or a failure that waiting does not cure.
"""

import asyncio
import contextlib
import sys
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from deployment import options_from_environment
from jitsimeet import (
    ConnectionEstablished,
    ConnectionInterrupted,
    JitsiConnection,
    JitsiError,
    StanzaReceived,
)


async def say_back(connection: JitsiConnection, stanza: StanzaReceived) -> None:
    """Answer a chat message with the same text."""
    body = ElementTree.fromstring(stanza.xml).findtext("{jabber:client}body")
    # An answer to an error, or to an answer of our kind, would never end.
    if stanza.name != "message" or stanza.type != "chat" or not body or not stanza.from_:
        return
    print(f"{stanza.from_}: {body}", flush=True)
    answer = f"<message to={quoteattr(stanza.from_)}><body>{escape(body)}</body></message>"
    # The session may be lost at any time, and a bot has nobody to tell.
    with contextlib.suppress(JitsiError):
        await connection.send_stanza(answer)


async def main() -> None:
    """Serve until the connection ends for good."""
    connection = JitsiConnection(options=options_from_environment(), reconnect={"base_delay": 500})
    # Before connecting, so that nothing is missed.
    events = connection.events()
    async with connection.connect():
        async for event in events:
            if isinstance(event, StanzaReceived):
                await say_back(connection, event)
            elif isinstance(event, ConnectionEstablished):
                print("connected as", connection.jid, "(again)" if event.reconnected else "", flush=True)
            elif isinstance(event, ConnectionInterrupted):
                print("interrupted:", event.message, flush=True)
            else:
                print(event.kind, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except JitsiError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        # By now the connection is closed: leaving the block did that.
        print("bye")
