"""Where a connection stands."""

from __future__ import annotations

import asyncio

import pytest

from conftest import Server, next_event
from jitsimeet import (
    AbortedError,
    ConnectionDisconnected,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionFailedError,
    ConnectionState,
    JitsiConnection,
)


def test_a_new_connection_is_idle(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    assert connection.state is ConnectionState.IDLE


def test_the_state_is_its_string_and_the_property_a_method_too(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    assert connection.get_state() is connection.state
    assert f"{connection.state}" == "idle"


async def test_an_attempt_is_connecting(server: Server) -> None:
    server.command("faults", stream="silent")
    connection = JitsiConnection(options=server.options)
    attempt = connection.connect()
    assert connection.state is ConnectionState.CONNECTING
    await connection.disconnect()
    with pytest.raises(AbortedError):
        await attempt


async def test_a_session_is_connected_until_it_is_disconnected(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        assert connection.get_state() is ConnectionState.CONNECTED
    assert connection.get_state() is ConnectionState.IDLE


async def test_closing_is_disconnecting_and_the_listener_of_the_end_finds_it_idle(server: Server) -> None:
    server.command("faults", stream="no_close")
    connection = JitsiConnection(options=server.options, disconnect_timeout=50)
    states: list[ConnectionState] = []

    @connection.on(ConnectionEvent.CONNECTION_DISCONNECTED)
    def disconnected(event: ConnectionDisconnected) -> None:
        states.append(connection.state)

    await connection.connect()
    closing = asyncio.create_task(connection.disconnect())
    await asyncio.sleep(0)
    assert connection.state is ConnectionState.DISCONNECTING
    await closing
    assert states == [ConnectionState.IDLE]


async def test_a_lost_transport_is_interrupted_until_the_session_is_resumed(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        server.command("faults", resume="silent")
        server.command("cut")
        await next_event(connection, ConnectionEvent.INTERRUPTED)
        assert connection.get_state() is ConnectionState.INTERRUPTED
        server.command("faults")
        server.command("cut")
        await next_event(connection, ConnectionEvent.CONNECTION_ESTABLISHED)
        assert connection.get_state() is ConnectionState.CONNECTED


async def test_the_listener_of_a_failure_finds_the_connection_idle(server: Server) -> None:
    server.command("faults", stream="close")
    connection = JitsiConnection(options=server.options)
    states: list[ConnectionState] = []

    @connection.on(ConnectionEvent.CONNECTION_FAILED)
    def failed(event: ConnectionFailed) -> None:
        states.append(connection.state)

    with pytest.raises(ConnectionFailedError):
        await connection.connect()
    assert states == [ConnectionState.IDLE]
