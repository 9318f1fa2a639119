"""Listeners are called in order, whatever one of them does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conftest import Server, record
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionEstablished,
    ConnectionEvent,
    JitsiConnection,
    StanzaReceived,
)

ESTABLISHED = ConnectionEvent.CONNECTION_ESTABLISHED
DISCONNECTED = ConnectionEvent.CONNECTION_DISCONNECTED
FAILED = ConnectionEvent.CONNECTION_FAILED
STANZA = ConnectionEvent.STANZA_RECEIVED


def catch_reports() -> list[dict[str, Any]]:
    """Return the list that everything reported to the event loop goes to."""
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    return reports


async def test_a_listener_may_be_named_by_the_string(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events: list[object] = []
    connection.add_event_listener("connection.connectionEstablished", events.append)
    async with connection.connect():
        assert len(events) == 1


async def test_on_adds_a_function_and_returns_it(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = []

    def established(event: ConnectionEstablished) -> None:
        events.append(event)

    assert connection.on(ESTABLISHED)(established) is established
    async with connection.connect():
        assert len(events) == 1


def test_an_event_that_is_not_known_is_refused(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    with pytest.raises(ValueError, match=r"connection\.unknown"):
        connection.add_event_listener("connection.unknown", print)


def test_a_listener_that_cannot_be_called_is_refused(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    with pytest.raises(TypeError, match="callable"):
        connection.add_event_listener(ESTABLISHED, "listener")  # type: ignore[call-overload]


async def test_a_removed_listener_is_not_called(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events: list[object] = []
    connection.add_event_listener(ESTABLISHED, events.append)
    connection.remove_event_listener(ESTABLISHED, events.append)
    connection.remove_event_listener(ESTABLISHED, events.append)
    async with connection.connect():
        assert events == []


async def test_a_listener_that_was_added_twice_is_called_twice_and_removed_once(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events: list[object] = []
    for _ in range(3):
        connection.add_event_listener(ESTABLISHED, events.append)
    connection.remove_event_listener(ESTABLISHED, events.append)
    async with connection.connect():
        assert len(events) == 2


async def test_a_listener_may_remove_itself(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    calls = []

    def once(event: ConnectionEstablished) -> None:
        calls.append("once")
        connection.remove_event_listener(ESTABLISHED, once)

    connection.add_event_listener(ESTABLISHED, once)
    connection.add_event_listener(ESTABLISHED, lambda _: calls.append("other"))
    for _ in range(2):
        async with connection.connect():
            pass
    assert calls == ["once", "other", "other"]


async def test_an_exception_is_reported_and_the_others_are_called(server: Server) -> None:
    reports = catch_reports()
    connection = JitsiConnection(options=server.options)

    @connection.on(ESTABLISHED)
    def broken(event: ConnectionEstablished) -> None:
        raise ZeroDivisionError

    events = record(connection)
    async with connection.connect():
        pass
    assert len(events) == 2
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]
    assert "connection.connectionEstablished" in reports[0]["message"]


async def test_an_async_listener_hears_one_event_after_the_other_and_nobody_waits_for_it(
    server: Server,
) -> None:
    connection = JitsiConnection(options=server.options)
    gate = asyncio.Event()
    finished = asyncio.Event()
    steps = []

    async def listener(event: ConnectionEstablished | ConnectionDisconnected) -> None:
        steps.append(("begin", event.kind))
        await gate.wait()
        steps.append(("end", event.kind))
        if event.kind is DISCONNECTED:
            finished.set()

    connection.add_event_listener(ESTABLISHED, listener)
    connection.add_event_listener(DISCONNECTED, listener)
    async with connection.connect():
        pass
    assert steps == [("begin", ESTABLISHED)]
    gate.set()
    await finished.wait()
    assert steps == [
        ("begin", ESTABLISHED),
        ("end", ESTABLISHED),
        ("begin", DISCONNECTED),
        ("end", DISCONNECTED),
    ]


async def test_an_exception_of_an_async_listener_is_reported_and_it_hears_the_next_event(
    server: Server,
) -> None:
    reports = catch_reports()
    connection = JitsiConnection(options=server.options)
    finished = asyncio.Event()

    class Listener:
        async def __call__(self, event: ConnectionEstablished | ConnectionDisconnected) -> None:
            if event.kind is DISCONNECTED:
                finished.set()
            raise ZeroDivisionError

    listener = Listener()
    connection.add_event_listener(ESTABLISHED, listener)
    connection.add_event_listener(DISCONNECTED, listener)
    async with connection.connect():
        pass
    await finished.wait()
    await asyncio.sleep(0)
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError, ZeroDivisionError]
    assert all("listener" in report["message"] for report in reports)


def test_a_listener_may_end_the_program(server: Server) -> None:
    left: list[object] = []

    async def main() -> None:
        connection = JitsiConnection(options=server.options)

        @connection.on(ESTABLISHED)
        def leave(event: ConnectionEstablished) -> None:
            raise SystemExit(7)

        connection.add_event_listener(DISCONNECTED, left.append)
        async with connection.connect():
            await asyncio.Event().wait()

    with pytest.raises(SystemExit) as caught:
        asyncio.run(main())
    assert caught.value.code == 7
    assert left == [ConnectionDisconnected()]


def test_what_comes_behind_a_listener_that_stops_the_loop_is_delivered_when_it_runs_again(
    server: Server,
) -> None:
    connection = JitsiConnection(options=server.options)

    @connection.on(ESTABLISHED)
    def leave(event: ConnectionEstablished) -> None:
        raise SystemExit

    async def connect() -> str:
        return await connection.connect()

    loop = asyncio.new_event_loop()
    connecting = loop.create_task(connect())
    with pytest.raises(SystemExit):
        loop.run_until_complete(connecting)
    assert loop.run_until_complete(connecting) == connection.jid
    loop.run_until_complete(connection.disconnect())
    loop.close()


async def deliver(server: Server, connection: JitsiConnection, count: int) -> None:
    """Send so many messages, and wait until they have come as far as they can."""
    before = connection.get_statistics().frames_received
    for _ in range(count):
        server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client'/>")
    while connection.get_statistics().frames_received < before + count:
        await asyncio.sleep(0.001)
    await connection.ping()


async def test_what_an_async_listener_has_not_taken_counts_in_the_event_queue(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    gate = asyncio.Event()
    heard = []

    async def slow(stanza: StanzaReceived) -> None:
        await gate.wait()
        heard.append(stanza)

    connection.add_event_listener(STANZA, slow)
    async with connection.connect():
        await deliver(server, connection, 5)
        waiting = connection.get_statistics().queued_events
        # It has taken the first.
        assert waiting >= 4
        gate.set()
        while connection.get_statistics().queued_events:
            await asyncio.sleep(0.001)
    assert len(heard) == waiting + 1


async def test_a_removed_async_listener_hears_nothing_more(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    gate = asyncio.Event()
    heard = []

    async def slow(stanza: StanzaReceived) -> None:
        heard.append(stanza)
        await gate.wait()

    connection.add_event_listener(STANZA, slow)
    async with connection.connect():
        await deliver(server, connection, 5)
        connection.remove_event_listener(STANZA, slow)
        gate.set()
        assert connection.get_statistics().queued_events == 0
        await connection.ping()
    assert len(heard) == 1


async def test_an_async_listener_that_is_stuck_is_told_so_and_costs_bounded_memory(server: Server) -> None:
    queue = {"max_events": 100, "stall_timeout": 300}
    connection = JitsiConnection(options=server.options, event_queue=queue)
    told = asyncio.get_running_loop().create_future()
    connection.add_event_listener(FAILED, told.set_result)

    async def stuck(stanza: StanzaReceived) -> None:
        await asyncio.Event().wait()

    connection.add_event_listener(STANZA, stuck)
    await connection.connect()
    server.command("flood", bytes=200)
    failure = await told
    assert failure.code == "listener_stalled"
    assert connection.get_statistics().frames_received < 2000
    assert connection.get_statistics().queued_events == 0


async def test_a_slow_async_listener_is_waited_for(server: Server) -> None:
    queue = {"max_events": 10, "stall_timeout": 200}
    connection = JitsiConnection(options=server.options, event_queue=queue)
    enough = asyncio.Event()
    count = 0

    async def slow(stanza: StanzaReceived) -> None:
        nonlocal count
        count += 1
        await asyncio.sleep(0.02)
        if count == 30:
            enough.set()

    connection.add_event_listener(STANZA, slow)
    events = record(connection)
    async with connection.connect():
        server.command("flood", bytes=200)
        # Twice as long as it may do nothing.
        await enough.wait()
    assert [event.kind for event in events] == [ESTABLISHED, DISCONNECTED]
