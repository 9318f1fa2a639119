"""connect, disconnect, and what is in between."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time

import pytest

from conftest import Server, record
from jitsimeet import (
    AbortedError,
    ConnectionDisconnected,
    ConnectionErrorCode,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionFailedError,
    InvalidStateError,
    JitsiConnection,
)


async def test_connect_and_disconnect_in_order(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    jid = await connection.connect()
    assert events == [ConnectionEstablished(id=jid.partition("/")[2])]
    assert server.sessions() == [jid]
    await connection.disconnect()
    assert events[1:] == [ConnectionDisconnected()]
    await server.wait_for_no_session()


async def test_nothing_is_delivered_from_inside_the_call(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    attempt = connection.connect()
    # The event loop stands still meanwhile, the engine does not.
    server.wait_for_session()
    assert events == []
    await attempt
    await connection.disconnect()


async def test_the_jid_is_known_until_the_next_attempt(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    assert connection.get_jid() is None
    jid = await connection.connect()
    assert connection.jid == connection.get_jid() == jid
    assert jid in repr(connection)
    await connection.disconnect()
    assert connection.jid == jid


async def test_the_connection_times_are_on_the_monotonic_clock(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    assert connection.get_connection_times() == {}
    before = time.monotonic() * 1000
    await connection.connect()
    await connection.disconnect()
    times = connection.get_connection_times()
    # TCP, the upgrade, the authentication, the bind.
    assert times.pop("round_trips") == 4
    order = ["connecting", "dns", "tcp", "upgrade", "authenticating", "authenticated", "bound", "connected"]
    order += ["disconnecting", "disconnected"]
    assert set(order) == set(times)
    moments = [before, *(times[name] for name in order), time.monotonic() * 1000]
    assert all(earlier <= later + 0.1 for earlier, later in itertools.pairwise(moments))


async def test_entering_connect_connects_and_leaving_disconnects(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    async with connection.connect() as entered:
        assert entered is connection
        assert server.sessions() == [connection.jid]
    assert [event.kind for event in events] == [
        ConnectionEvent.CONNECTION_ESTABLISHED,
        ConnectionEvent.CONNECTION_DISCONNECTED,
    ]


async def test_leaving_disconnects_when_the_block_raises(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    with pytest.raises(ZeroDivisionError):
        async with connection.connect():
            raise ZeroDivisionError
    await connection.connect()
    await connection.disconnect()


async def test_entering_the_connection_does_not_connect_and_leaving_disconnects(server: Server) -> None:
    events = []
    async with JitsiConnection(options=server.options) as connection:
        events = record(connection)
        assert connection.jid is None
        await connection.connect()
    assert isinstance(events[-1], ConnectionDisconnected)


async def test_a_second_connect_is_refused_by_the_call_and_opens_no_second_socket(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    await connection.connect()
    with pytest.raises(InvalidStateError, match="connected"):
        connection.connect()
    assert server.command("sessions")["connections"] == 1
    await connection.disconnect()


async def test_connect_during_an_attempt_is_refused_and_does_not_disturb_it(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    attempt = connection.connect()
    with pytest.raises(InvalidStateError, match="connecting"):
        connection.connect()
    await connection.disconnect()
    with pytest.raises(AbortedError):
        await attempt


async def test_disconnect_of_an_idle_connection_does_nothing(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    await connection.disconnect()
    await connection.connect()
    await connection.disconnect()
    await connection.disconnect()
    assert len(events) == 2


async def test_disconnects_at_the_same_time_join(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    await connection.connect()
    await asyncio.gather(connection.disconnect(), connection.disconnect())
    assert len(events) == 2


async def test_a_connection_connects_again_after_disconnect(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    first = await connection.connect()
    await connection.disconnect()
    assert await connection.connect() != first
    await connection.disconnect()


async def test_disconnect_gives_up_the_attempt_under_way(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    events = record(connection)
    attempt = connection.connect()
    await connection.disconnect()
    assert events == [ConnectionDisconnected()]
    with pytest.raises(AbortedError):
        await attempt


async def test_cancelling_connect_disconnects(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    events = record(connection)

    async def connect() -> None:
        await connection.connect()

    task = asyncio.create_task(connect())
    await server.wait_for_connection()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events == [ConnectionDisconnected()]
    server.command("faults")
    await connection.connect()
    await connection.disconnect()


async def test_a_server_that_ends_the_stream_fails_the_connection(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    failed = asyncio.get_running_loop().create_future()
    connection.add_event_listener(ConnectionEvent.CONNECTION_FAILED, failed.set_result)
    await connection.connect()
    server.command("close")
    failure: ConnectionFailed = await failed
    assert failure.code == ConnectionErrorCode.CLOSED_BY_SERVER
    assert failure.jid == connection.jid


async def test_connect_may_be_called_from_the_listener_of_a_failure(server: Server) -> None:
    server.command("faults", stream="close")
    connection = JitsiConnection(options=server.options)
    attempts = []

    @connection.on(ConnectionEvent.CONNECTION_FAILED)
    def failed(event: ConnectionFailed) -> None:
        server.command("faults")
        attempts.append(connection.connect())

    with pytest.raises(ConnectionFailedError):
        await connection.connect()
    assert await attempts[0] == connection.jid
    await connection.disconnect()


async def test_connect_needs_no_await(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    established = asyncio.Event()
    connection.add_event_listener(ConnectionEvent.CONNECTION_ESTABLISHED, lambda _: established.set())
    connection.connect()
    await established.wait()
    await connection.disconnect()


async def test_a_failure_that_nobody_awaits_is_told_by_the_event_alone(server: Server) -> None:
    server.command("faults", stream="close")
    connection = JitsiConnection(options=server.options)
    failed = asyncio.Event()
    connection.add_event_listener(ConnectionEvent.CONNECTION_FAILED, lambda _: failed.set())
    connection.connect()
    await failed.wait()
    gc.collect()  # asyncio complains of an exception that nobody has seen when the future is collected.


async def test_many_events_at_once_come_in_turns_of_the_event_loop(server: Server) -> None:
    connections = [JitsiConnection(options=server.options) for _ in range(200)]
    events: list[ConnectionEstablished] = []
    delivered_before_another_callback: list[int] = []

    def established(event: ConnectionEstablished) -> None:
        if not events:
            asyncio.get_running_loop().call_soon(
                lambda: delivered_before_another_callback.append(len(events))
            )
        events.append(event)

    for connection in connections:
        connection.add_event_listener(ConnectionEvent.CONNECTION_ESTABLISHED, established)
    attempts = [connection.connect() for connection in connections]
    while any(connection.jid is None for connection in connections):
        # The event loop stands still meanwhile, so that all has come when it goes on.
        server.sessions()
    await asyncio.gather(*attempts)
    assert len(events) == len(connections)
    assert 0 < delivered_before_another_callback[0] < len(connections)
    await asyncio.gather(*(connection.disconnect() for connection in connections))


async def test_outcomes_and_events_are_met_in_order_and_few_of_them_wait_in_python() -> None:
    connection = JitsiConnection(service_url="ws://127.0.0.1:1/", hosts={"domain": "meet.example"})
    order: list[str] = []
    waiting: list[int] = []

    @connection.on(ConnectionEvent.CONNECTION_FAILED)
    def failed(event: ConnectionFailed) -> None:
        order.append("event")
        assert connection._hub is not None
        waiting.append(len(connection._hub._items))

    async def attempt() -> None:
        with pytest.raises(ConnectionFailedError):
            # Without a password it fails at once.
            await connection.connect(id="user")
        order.append("outcome")

    await asyncio.gather(*(attempt() for _ in range(1000)))
    assert order == ["event", "outcome"] * 1000
    assert max(waiting) <= 256


async def test_a_hundred_connections_at_once(server: Server) -> None:
    connections = [JitsiConnection(options=server.options) for _ in range(100)]
    events = [record(connection) for connection in connections]
    jids = await asyncio.gather(*(connection.connect() for connection in connections))
    assert sorted(server.sessions()) == sorted(jids)
    await asyncio.gather(*(connection.disconnect() for connection in connections))
    for jid, of_one in zip(jids, events, strict=True):
        assert of_one == [ConnectionEstablished(jid.partition("/")[2]), ConnectionDisconnected()]
    await server.wait_for_no_session()
