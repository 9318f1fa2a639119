"""Connects and disconnects again and again, and fails if anything is left over: memory, a task, a thread, a file.

    python leaks.py [CYCLES]

Half of the cycles with asyncio, half blocking, against a server in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from jitsimeet import ConnectionEvent, JitsiConnection, sync
from jitsimeet.testing import TestServer

WARM_UP = 1000
# Of malloc's arenas and the like. Sixty bytes in each of 10,000 cycles are more.
NOISE = 600_000
Options = dict[str, object]


def serve(pipe: Connection) -> None:
    """Be the server, until told to end."""
    with TestServer() as server:
        pipe.send(server.options)
        pipe.recv()


def resident() -> int:
    """Return the bytes of memory that this process has for itself."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise LookupError("the kernel does not say")


async def listener(event: object) -> None:
    """Be one of those that have tasks."""


async def asynchronous(options: Options, cycles: int) -> None:
    """Connect and disconnect with asyncio."""
    for _ in range(cycles):
        connection = JitsiConnection(options=options)
        connection.add_event_listener(ConnectionEvent.CONNECTION_ESTABLISHED, listener)
        events = connection.events()
        async with connection.connect():
            await connection.ping()
        assert len([event async for event in events]) >= 2
    assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()


def blocking(options: Options, cycles: int) -> None:
    """Connect and disconnect without."""
    for _ in range(cycles):
        with sync.JitsiConnection(options=options) as connection:
            events = connection.events()
            connection.connect()
            connection.ping()
        assert len(list(events)) >= 2


def cycle(options: Options, count: int) -> None:
    """Connect and disconnect so many times, in several event loops."""
    for _ in range(10):
        asyncio.run(asynchronous(options, count // 20))
        blocking(options, count // 20)


def left() -> tuple[int, int]:
    """Return how many threads and open files there are."""
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))


def main(cycles: int) -> None:
    """Warm up, go on, and compare."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    server.start()
    options: Options = here.recv()
    cycle(options, WARM_UP)
    before, left_before = resident(), left()
    cycle(options, cycles)
    growth, left_after = resident() - before, left()
    here.send(None)
    server.join()
    print(f"{growth / cycles:.0f} bytes a cycle ({growth} in {cycles})")
    print(f"threads and files: {left_before} before, {left_after} after")
    assert left_after == left_before
    assert threading.active_count() <= 2, threading.enumerate()
    assert growth < NOISE


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
