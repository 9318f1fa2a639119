"""A script without asyncio: connect, ask the server who it is, and say how far away it is.

SERVICE_URL=... DOMAIN=... python script.py
"""

import sys
from xml.etree import ElementTree

from deployment import options_from_environment
from jitsimeet import JitsiError
from jitsimeet.sync import JitsiConnection

DISCO_INFO = "{http://jabber.org/protocol/disco#info}"


def main() -> None:
    """Ask, and print."""
    options = options_from_environment()
    with JitsiConnection(options=options) as connection:
        print("connected as", connection.connect(timeout=20))
        question = (
            f"<iq type='get' to='{options['hosts']['domain']}'>"
            "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        answer = ElementTree.fromstring(connection.send_iq(question, timeout=10))
        for identity in answer.iter(f"{DISCO_INFO}identity"):
            print("identity", identity.get("category"), identity.get("type"), identity.get("name"))
        print(f"{min(connection.ping(timeout=10) for _ in range(3)) * 1000:.1f} ms away")


if __name__ == "__main__":
    try:
        main()
    except (JitsiError, TimeoutError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
