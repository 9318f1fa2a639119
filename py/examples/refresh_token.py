"""Stay connected with tokens that expire: get the next one in time, and go on with it.

    SERVICE_URL=... DOMAIN=... TOKEN_COMMAND="./make-token" python refresh_token.py

``TOKEN_COMMAND`` is a command that prints a fresh JSON Web Token. A new one is fetched ``MARGIN`` seconds (30) before
the old one expires. Ends by Ctrl-C.
"""

import asyncio
import base64
import json
import os
import sys
import time

from deployment import options_from_environment
from jitsimeet import ConnectionFailedError, JitsiConnection, JitsiError

MARGIN = float(os.environ.get("MARGIN", "30"))


async def fetch_token() -> str:
    """Ask whoever issues the tokens."""
    process = await asyncio.create_subprocess_shell(
        os.environ["TOKEN_COMMAND"], stdout=asyncio.subprocess.PIPE
    )
    token, _ = await process.communicate()
    return token.decode().strip()


def expires_in(token: str) -> float:
    """Return for how many seconds a token is still good. It is read, not verified: that is for the server."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return float(claims["exp"]) - time.time()


async def keep_fresh(connection: JitsiConnection, token: str) -> None:
    """Replace the token again and again, each time before it expires."""
    while True:
        await asyncio.sleep(max(expires_in(token) - MARGIN, 1))
        token = await fetch_token()
        try:
            await connection.refresh_token(token)
        except ConnectionFailedError as error:
            # The session goes on with the old token, while that lasts.
            print("the new token was refused:", error.server_text, flush=True)
        else:
            print(f"refreshed, good for {expires_in(token):.0f} s", flush=True)


async def main() -> None:
    """Connect, and stay."""
    token = await fetch_token()
    connection = JitsiConnection(token=token, options=options_from_environment())
    async with connection.connect():
        print("connected as", connection.jid, flush=True)
        await keep_fresh(connection, token)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except JitsiError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("bye")
