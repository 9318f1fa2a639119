"""Forks, other processes, and what runs in them."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import subprocess
import sys
import textwrap
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

import jitsimeet
from conftest import TEST_TIMEOUT, Server
from jitsimeet import ForkedError, JitsiConnection, sync


def connect_once(options: dict[str, Any]) -> str:
    """A worker's job: both kinds of connection."""

    async def session() -> str:
        async with JitsiConnection(options=options).connect() as connection:
            return str(connection.jid)

    with sync.JitsiConnection(options=options) as connection:
        connection.connect()
    return asyncio.run(session())


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
async def test_multiprocessing(server: Server, method: str) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():

        def work() -> list[str]:
            with warnings.catch_warnings():
                # Python 3.12 warns of any fork in a process with threads.
                warnings.simplefilter("ignore", DeprecationWarning)
                with multiprocessing.get_context(method).Pool(2) as pool:
                    jids = pool.map_async(connect_once, [server.options] * 4).get(TEST_TIMEOUT)
                    pool.close()
                    pool.join()
                    return jids

        jids = await asyncio.to_thread(work)
        assert len(set(jids)) == 4
        await connection.ping()


def in_a_fork(job: Callable[[], object]) -> int:
    """Run the job in a fork of this process, and return what the fork ended with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            job()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def test_a_fork_leaves_the_parents_connections_alone_and_has_its_own(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    blocking = sync.JitsiConnection(options=server.options)
    blocking.connect()
    events = connection.events()
    async with connection.connect():

        def job() -> None:
            for call in (blocking.ping, blocking.disconnect, lambda: connection.add_feature("feature")):
                with pytest.raises(ForkedError):
                    call()
            for start in (connection.send_stanza, connection.refresh_token):
                with pytest.raises(ForkedError):
                    asyncio.run(start("<message/>"))
            assert connection.jid is None
            logging.getLogger("jitsimeet").setLevel(logging.DEBUG)
            nonlocal events
            del events
            connect_once(server.options)
            jitsimeet.shutdown()

        assert in_a_fork(job) == 0
        await connection.ping()
    blocking.disconnect()


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=TEST_TIMEOUT,
        check=False,
    )


def test_a_fork_exits_cleanly(server: Server) -> None:
    script = f"""
        import os, sys
        from jitsimeet.sync import JitsiConnection
        from jitsimeet.testing import TestServer

        options = {server.options!r}
        own_server = TestServer()
        connection = JitsiConnection(options=options)
        connection.connect()
        child = os.fork()
        if child == 0:
            with JitsiConnection(options=options) as own:
                own.connect()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        connection.disconnect()
    """
    done = run_script(f"import warnings\nwarnings.simplefilter('ignore')\n{textwrap.dedent(script)}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_exit_with_connections_in_several_loops_and_threads(server: Server) -> None:
    script = f"""
        import asyncio, threading
        from jitsimeet import JitsiConnection
        from jitsimeet.sync import JitsiConnection as Blocking

        ready = threading.Barrier(4)
        def in_a_loop():
            async def main():
                connection = JitsiConnection(options={server.options!r})
                async with connection.connect(), connection.events() as events:
                    ready.wait()
                    async for event in events:
                        pass
            asyncio.run(main())
        def blocking():
            connection = Blocking(options={server.options!r})
            connection.connect()
            ready.wait()
            for event in connection.events():
                pass
        for target in (in_a_loop, in_a_loop, blocking):
            threading.Thread(target=target, daemon=True).start()
        ready.wait()
    """
    done = run_script(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_called_at_exit_behind_the_library_can_still_connect(server: Server) -> None:
    script = f"""
        import atexit

        @atexit.register
        def say_goodbye():
            with JitsiConnection(options={server.options!r}) as connection:
                connection.connect()
            print(connection.state)

        # Registered later, and so called before.
        from jitsimeet.sync import JitsiConnection

        JitsiConnection(options={server.options!r}).connect()
    """
    done = run_script(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "idle\n", "")


def test_uvloop(server: Server) -> None:
    async def session() -> None:
        connection = JitsiConnection(options=server.options)
        heard = []

        async def listener(event: object) -> None:
            heard.append(event)

        connection.add_event_listener(jitsimeet.ConnectionEvent.CONNECTION_ESTABLISHED, listener)
        async with connection.connect():
            await connection.ping()
        assert len(heard) == 1

    for _ in range(3):
        uvloop.run(session())


def test_a_free_threaded_build_is_refused() -> None:
    done = run_script("import sys; sys.abiflags = 't'; import jitsimeet")
    assert done.returncode == 1
    assert "ImportError: jitsimeet does not support free-threaded builds" in done.stderr


def test_the_version_on_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jitsimeet", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"jitsimeet {jitsimeet.__version__}\n")
