"""Connect to a deployment as a guest, say when each phase was reached, and disconnect.

    SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org python connect.py

``CA_CERTIFICATES`` may name a PEM file with the only authorities to trust. Prints one line of three columns, with tabs
between them: the JID, the milliseconds from ``connect`` to the established session, and the milliseconds to each phase.
"""

import asyncio
import sys
from typing import Any

from deployment import options_from_environment
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    JitsiConnection,
    JitsiError,
)

PHASES = ("dns", "tcp", "tls", "upgrade", "authenticated", "bound")


async def main(options: dict[str, Any]) -> None:
    """Connect and disconnect once."""
    connection = JitsiConnection(options=options)

    events: list[ConnectionEvent] = []

    @connection.on(ConnectionEvent.CONNECTION_ESTABLISHED)
    def established(event: ConnectionEstablished) -> None:
        events.append(event.kind)

    @connection.on(ConnectionEvent.CONNECTION_DISCONNECTED)
    def disconnected(event: ConnectionDisconnected) -> None:
        events.append(event.kind)

    async with connection.connect():
        jid, times = connection.jid, connection.get_connection_times()

    if events != [ConnectionEvent.CONNECTION_ESTABLISHED, ConnectionEvent.CONNECTION_DISCONNECTED]:
        sys.exit(f"events came in another order than expected: {', '.join(events)}")
    start = times["connecting"]
    phases = (f"{name} {times[name] - start:.1f}" if name in times else f"{name} -" for name in PHASES)
    print(jid, f"{times['connected'] - start:.1f}", " ".join(phases), sep="\t")


if __name__ == "__main__":
    try:
        asyncio.run(main(options_from_environment()))
    except JitsiError as error:
        sys.exit(str(error))
