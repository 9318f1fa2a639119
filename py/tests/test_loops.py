"""Event loops, threads, and the end of all of them."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import jitsimeet
from conftest import TEST_TIMEOUT, Server, record
from jitsimeet import ConnectionDisconnected, InvalidStateError, JitsiConnection


def threads_of_the_library() -> list[str]:
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if name.startswith("jitsimeet")]


def run_script(server: Server, script: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has a connection, and that tells at its exit which threads of the library are left."""
    prelude = f"""
        import asyncio
        import atexit
        import pathlib
        import threading

        @atexit.register
        def tell_threads():
            for path in pathlib.Path("/proc/self/task").glob("*/comm"):
                if path.read_text().startswith("jitsimeet"):
                    print(path.read_text())

        from jitsimeet import *
        options = {server.options!r}
        server_pid = {server.process.pid}
        connection = JitsiConnection(options=options)
    """
    program = textwrap.dedent(prelude) + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=TEST_TIMEOUT, check=False
    )


def test_connect_needs_a_running_loop(server: Server) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        JitsiConnection(options=server.options).connect()


def test_a_connection_belongs_to_its_loop(server: Server) -> None:
    connection = JitsiConnection(options=server.options)

    async def connect() -> None:
        await connection.connect()

    async def disconnect() -> None:
        await connection.disconnect()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(connect())
    for call in (connect, disconnect):
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(call())
    loop.run_until_complete(disconnect())
    loop.close()


def test_two_loops_in_two_threads(server: Server) -> None:
    both_connected = threading.Barrier(2, timeout=TEST_TIMEOUT)

    async def session() -> tuple[set[int], int]:
        connection = JitsiConnection(options=server.options)
        threads = set()
        for name in jitsimeet.ConnectionEvent:
            connection.add_event_listener(name, lambda _: threads.add(threading.get_ident()))
        async with connection.connect():
            both_connected.wait()
        return threads, threading.get_ident()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: asyncio.run(session()), range(2)))
    assert all(threads == {own} for threads, own in outcomes)


def test_asyncio_run_again_and_again_leaves_no_loop_behind(server: Server) -> None:
    async def session() -> weakref.ref[asyncio.AbstractEventLoop]:
        async with JitsiConnection(options=server.options).connect():
            return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(session()) for _ in range(20)]
    gc.collect()
    assert [loop() for loop in loops] == [None] * 20


def test_a_loop_that_was_closed_during_an_attempt_is_not_kept(server: Server) -> None:
    server.command("faults", stream="silent")

    async def attempt() -> weakref.ref[asyncio.AbstractEventLoop]:
        with pytest.warns(ResourceWarning, match="unclosed"):
            JitsiConnection(options=server.options).connect()
        return weakref.ref(asyncio.get_running_loop())

    async def another_session() -> None:
        server.command("faults")
        async with JitsiConnection(options=server.options).connect():
            pass

    loop = asyncio.run(attempt())
    asyncio.run(another_session())
    gc.collect()
    assert loop() is None


def test_events_for_a_closed_loop_are_nobodys(server: Server) -> None:
    connection = JitsiConnection(options=server.options)

    async def connect() -> None:
        await connection.connect()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(connect())
    loop.close()
    # Returns when the thread that wakes event loops has done all it had to; pytest turns a traceback into a failure.
    jitsimeet.shutdown()


@pytest.fixture
def one_worker_thread() -> Iterator[None]:
    jitsimeet.shutdown()
    jitsimeet.init(worker_threads=1)
    yield
    jitsimeet.shutdown()
    jitsimeet.init()


@pytest.mark.usefixtures("one_worker_thread")
async def test_the_engine_never_waits_for_the_gil(server: Server) -> None:
    connections = [JitsiConnection(options=server.options) for _ in range(20)]
    attempts = [connection.connect() for connection in connections]
    # PyDLL, unlike CDLL, keeps the GIL.
    ctypes.PyDLL(None).usleep(500_000)
    released = time.monotonic() * 1000
    await asyncio.gather(*attempts)
    for connection in connections:
        assert connection.get_connection_times()["connected"] < released
        await connection.disconnect()


def test_an_event_that_cannot_be_made_is_reported_and_takes_nothing_else_with_it(server: Server) -> None:
    script = """
        import jitsimeet._events
        del jitsimeet._events.ConnectionEstablished

        async def main():
            disconnected = []
            connection.add_event_listener(ConnectionEvent.CONNECTION_DISCONNECTED, disconnected.append)
            async with connection.connect():
                print("connected")
            print(disconnected)

        asyncio.run(main())
    """
    done = run_script(server, script)
    assert (done.returncode, done.stdout) == (0, "connected\n[ConnectionDisconnected(message=None)]\n")
    assert "no attribute 'ConnectionEstablished'" in done.stderr


async def test_a_dropped_connection_closes_in_the_background_with_a_warning(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    await connection.connect()
    assert len(server.sessions()) == 1
    with pytest.warns(ResourceWarning, match=r"unclosed <JitsiConnection \d+ jid='guest"):
        del connection
    await server.wait_for_no_session()


async def test_shutdown_closes_connections_joins_threads_and_later_calls_start_afresh(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    await connection.connect()
    with pytest.raises(InvalidStateError, match="running"):
        jitsimeet.init(worker_threads=7)
    assert threads_of_the_library() != []
    await asyncio.to_thread(jitsimeet.shutdown)
    assert threads_of_the_library() == []
    # Already idle: this comes after what shutdown caused.
    await connection.disconnect()
    assert events[1:] == [ConnectionDisconnected()]
    await connection.connect()
    await connection.disconnect()


async def test_shutdown_cuts_off_what_is_not_closed_in_time(server: Server) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=60_000)
    events = record(connection)
    await connection.connect()
    server.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            jitsimeet.shutdown(timeout=0.1)
    finally:
        server.process.send_signal(signal.SIGCONT)
    await connection.disconnect()
    assert events[1:] == [ConnectionDisconnected()]


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), 1e19])
def test_shutdown_checks_its_timeout(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        jitsimeet.shutdown(timeout)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            """
            async def main():
                await connection.connect()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            """,
            id="connected",
        ),
        pytest.param(
            """
            async def main():
                connection.connect()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            """,
            id="connecting",
        ),
        pytest.param(
            """
            async def main():
                await connection.connect()
            asyncio.run(main())
            """,
            id="connected, its loop closed",
        ),
        pytest.param(
            """
            connected = threading.Event()
            async def main():
                await connection.connect()
                connected.set()
                await asyncio.Event().wait()
            threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
            connected.wait()
            """,
            id="connected, its loop running in a daemon thread",
        ),
        pytest.param(
            """
            import os, signal
            connection = JitsiConnection(options=options, disconnect_timeout=60_000)
            async def main():
                await connection.connect()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            os.kill(server_pid, signal.SIGSTOP)
            """,
            id="connected, to a server that has stopped",
        ),
    ],
)
async def test_the_interpreter_exits_with_an_open_connection(server: Server, script: str) -> None:
    begin = time.monotonic()
    try:
        done = await asyncio.to_thread(run_script, server, script)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - begin < 5
    await server.wait_for_no_session()
