"""Open many connections at once, say how long that took, and close them.

    SERVICE_URL=... DOMAIN=... COUNT=500 python many.py

All of them share two threads of the library and one event loop.
"""

import asyncio
import os
import sys
import time

from deployment import options_from_environment
from jitsimeet import ConnectionFailedError, JitsiConnection, JitsiError


async def main() -> None:
    """Connect all, and disconnect all."""
    options = options_from_environment()
    count = int(os.environ.get("COUNT", "500"))
    connections = [JitsiConnection(options=options) for _ in range(count)]
    begin = time.monotonic()
    outcomes = await asyncio.gather(
        *(connection.connect() for connection in connections), return_exceptions=True
    )
    duration = time.monotonic() - begin
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    print(f"{count - len(failures)} of {count} connected in {duration:.2f} s")
    await asyncio.gather(*(connection.disconnect() for connection in connections))
    for failure in failures:
        if not isinstance(failure, ConnectionFailedError):
            raise failure
        print(failure.code, failure.message, file=sys.stderr)
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except JitsiError as error:
        sys.exit(str(error))
