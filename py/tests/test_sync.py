"""The blocking twin."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest

import jitsimeet
from conftest import PASSWORD, TEST_TIMEOUT, TOKEN_SECRET, Server, make_token
from jitsimeet import (
    AbortedError,
    ConferenceRequestFailedError,
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionFailedError,
    ConnectionState,
    InvalidStateError,
    StanzaReceived,
)
from jitsimeet.sync import JitsiConnection

ESTABLISHED = ConnectionEvent.CONNECTION_ESTABLISHED
DISCONNECTED = ConnectionEvent.CONNECTION_DISCONNECTED
PING = "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"


def test_what_waits_has_a_timeout_beside_the_arguments_of_the_asyncio_twin() -> None:
    for name in [name for name in dir(JitsiConnection) if not name.startswith("_")]:
        twin = getattr(jitsimeet.JitsiConnection, name)
        waits = inspect.iscoroutinefunction(twin) or name in ("attach", "connect", "events")
        if callable(twin):
            parameters = inspect.signature(getattr(JitsiConnection, name)).parameters
            assert ("timeout" in parameters) == waits, name
            assert set(inspect.signature(twin).parameters) <= set(parameters)


def test_a_session(server: Server) -> None:
    with JitsiConnection(options=server.options) as connection:
        assert connection.connect(timeout=TEST_TIMEOUT) == connection.jid
        assert connection.get_state() == ConnectionState.CONNECTED
        assert server.sessions() == [connection.jid]
        assert connection.ping() > 0
        assert "result" in connection.send_iq(PING, timeout=TEST_TIMEOUT)
        connection.send_stanza("<presence/>", timeout=TEST_TIMEOUT)
        assert connection.send_conference_request("room", timeout=TEST_TIMEOUT).focus_jid
        with pytest.raises(InvalidStateError):
            connection.connect()
    assert connection.get_state() == ConnectionState.IDLE
    assert server.sessions() == []


def test_accounts_and_failures(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    with pytest.raises(ConnectionFailedError) as caught:
        connection.connect(id="user", password="wrong")
    assert caught.value.code == "sasl_failure"
    assert connection.connect(id="user", password=PASSWORD).startswith("user@")
    connection.disconnect()


def test_a_token_is_refreshed(token_server: Server) -> None:
    with JitsiConnection(token=make_token(TOKEN_SECRET), options=token_server.options) as connection:
        connection.connect()
        connection.refresh_token(make_token(TOKEN_SECRET, 7200), timeout=TEST_TIMEOUT)
        assert connection.get_statistics().resumes == 1


def test_listeners_are_called_on_one_thread_and_before_the_call_returns(server: Server) -> None:
    events: list[object] = []
    threads = set()
    connections = [JitsiConnection(options=server.options) for _ in range(2)]
    for connection in connections:
        for name in (ESTABLISHED, DISCONNECTED):
            connection.add_event_listener(name, lambda event: threads.add(threading.current_thread()))
            connection.add_event_listener(name, lambda event: events.append(type(event)))
        with connection:
            connection.connect()
            assert events == [ConnectionEstablished]
        assert events == [ConnectionEstablished, ConnectionDisconnected]
        events.clear()
    (thread,) = threads
    assert (thread.name, thread.daemon) == ("jitsimeet-events", True)


def test_a_listener_may_call_all_but_what_waits_for_its_own_connection(server: Server) -> None:
    first, second, third = (JitsiConnection(options=server.options) for _ in range(3))
    outcomes: list[Any] = []

    @first.on(ESTABLISHED)
    def waits_for_another(event: ConnectionEstablished) -> None:
        outcomes.append(first.state)
        second.connect()
        third.connect()
        outcomes.append(second.ping(timeout=TEST_TIMEOUT) > 0)
        for call in (first.ping, first.disconnect, lambda: next(first.events())):
            with pytest.raises(RuntimeError, match="listener"):
                call()
        third.disconnect()

    @third.on(DISCONNECTED)
    def waits_for_those_that_wait_below(event: ConnectionDisconnected) -> None:
        with pytest.raises(RuntimeError, match="listener"):
            first.ping()
        outcomes.append(second.ping() > 0)

    first.connect()
    assert outcomes == [ConnectionState.CONNECTED, True, True]
    for connection in (first, second):
        connection.disconnect()


def test_a_listener_that_raises_is_reported_and_the_others_are_called(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reports.append)
    events: list[object] = []
    connection = JitsiConnection(options=server.options)

    @connection.on(ESTABLISHED)
    def broken(event: ConnectionEstablished) -> None:
        raise SystemExit

    connection.add_event_listener(ESTABLISHED, events.append)
    with connection:
        connection.connect()
    assert len(events) == 1
    assert [report.exc_type for report in reports] == [SystemExit]


def test_an_async_listener_is_refused(server: Server) -> None:
    async def listener(event: object) -> None: ...

    with pytest.raises(TypeError, match="event loop"):
        JitsiConnection(options=server.options).add_event_listener(ESTABLISHED, listener)


def test_events_are_iterated(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events(timeout=TEST_TIMEOUT)
    connection.connect()
    server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client' id='1'/>")
    stanzas = (event for event in events if isinstance(event, StanzaReceived))
    while next(stanzas).id != "1":
        pass
    with connection.events(ESTABLISHED, timeout=0.01) as none, pytest.raises(TimeoutError):
        next(none)
    assert list(none) == []
    server.command("cut")
    waiting = threading.Thread(target=lambda: kinds.extend(type(event) for event in events))
    kinds: list[type] = []
    waiting.start()
    connection.disconnect()
    waiting.join(TEST_TIMEOUT)
    assert kinds[-1] is ConnectionDisconnected


def test_a_timeout_of_connect_disconnects(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    with pytest.raises(TimeoutError, match=r"0\.05"):
        connection.connect(timeout=0.05)
    assert connection.state is ConnectionState.IDLE
    with pytest.raises(ValueError, match="timeout"):
        connection.connect(timeout=-1)
    server.command("faults")
    with connection:
        connection.connect()


def test_a_timeout_of_anything_else_gives_up_waiting(server: Server) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=500)
    connection.connect()
    server.command("stall")
    for call in (
        lambda: connection.ping(timeout=0.01),
        lambda: connection.send_iq(PING, timeout=0.01),
        lambda: connection.send_stanza("<message/>", timeout=0.01),
        lambda: connection.send_conference_request("room", timeout=0.01),
        lambda: connection.disconnect(timeout=0.01),
    ):
        with pytest.raises(TimeoutError):
            call()
    connection.disconnect()


def test_a_conference_request_that_fails(server: Server) -> None:
    options = {**server.options, "hosts": {"domain": server.about["domain"], "focus": "nobody.example"}}
    with JitsiConnection(options=options) as connection:
        connection.connect()
        with pytest.raises(ConferenceRequestFailedError):
            connection.send_conference_request("room")


def test_disconnect_from_another_thread_ends_a_connect(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    outcome: list[BaseException] = []

    def connect() -> None:
        try:
            connection.connect()
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    while connection.state is not ConnectionState.CONNECTING:
        pass
    connection.disconnect()
    thread.join(TEST_TIMEOUT)
    assert [type(error) for error in outcome] == [AbortedError]


def test_many_threads_share_a_connection(server: Server) -> None:
    with JitsiConnection(options=server.options) as connection:
        connection.connect()
        answers: list[str] = []

        def ask(number: int) -> None:
            question = PING.replace("'1'", f"'q{number}'")
            answers.append(connection.send_iq(question))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TEST_TIMEOUT)
        assert (
            sum(any(f"'q{number}'" in answer.replace('"', "'") for answer in answers) for number in range(20))
            == 20
        )


def test_shutdown_ends_the_thread_and_later_calls_start_afresh(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = connection.events()
    connection.connect()
    jitsimeet.shutdown()
    assert "jitsimeet-events" not in [thread.name for thread in threading.enumerate()]
    assert [type(event) for event in events] == [ConnectionEstablished, ConnectionDisconnected]
    with connection:
        connection.connect()


def test_shutdown_delivers_all_that_there_is(server: Server) -> None:
    gate = threading.Event()
    connection = JitsiConnection(options=server.options)
    events = connection.events()
    connection.connect()
    # What the login has asked for is answered.
    connection.ping()
    before = connection.get_statistics().stanzas_received
    connection.add_event_listener(ConnectionEvent.STANZA_RECEIVED, lambda _: gate.wait(TEST_TIMEOUT))
    for _ in range(200):
        server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client'/>")
    while connection.get_statistics().stanzas_received < before + 200:
        pass
    closing = threading.Thread(target=jitsimeet.shutdown)
    closing.start()
    gate.set()
    closing.join(TEST_TIMEOUT)
    kinds = [type(event) for event in events]
    assert kinds.count(StanzaReceived) >= 200
    assert kinds[-1] is ConnectionDisconnected


def test_a_dropped_connection_closes_in_the_background_with_a_warning(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    connection.connect()
    with pytest.warns(ResourceWarning, match="unclosed <JitsiConnection"):
        del connection
    while server.sessions():
        pass


def test_a_lost_session_is_told(server: Server) -> None:
    connection = JitsiConnection(options=server.options, event_queue={"max_events": 50, "stall_timeout": 200})
    failures = connection.events(ConnectionEvent.CONNECTION_FAILED, timeout=TEST_TIMEOUT)
    # Nobody reads it.
    stanzas = connection.events(ConnectionEvent.STANZA_RECEIVED)
    connection.connect()
    server.command("flood", bytes=100)
    (failure,) = failures
    assert isinstance(failure, ConnectionFailed)
    assert failure.code == "listener_stalled"
    assert list(stanzas) == []


@pytest.mark.parametrize("waiting", ["connect()", "ping(timeout=100)", "events().__next__()"])
def test_ctrl_c_interrupts_what_waits(server: Server, waiting: str) -> None:
    script = f"""
        import sys
        from jitsimeet.sync import JitsiConnection
        connection = JitsiConnection(options={server.options!r}, disconnect_timeout=100)
        if {waiting!r} != "connect()":
            connection.connect()
        print("waiting", flush=True)
        sys.stdin.readline()
        try:
            print("waiting", flush=True)
            connection.{waiting}
        except KeyboardInterrupt:
            print("interrupted")
        connection.disconnect()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "waiting\n"
        server.command("faults", stream="silent")
        server.command("stall")
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "waiting\n"
        # It waits, or is about to.
        os.kill(program.pid, signal.SIGINT)
        out, _ = program.communicate(timeout=TEST_TIMEOUT)
    assert out == "interrupted\n"
    assert program.returncode == 0
