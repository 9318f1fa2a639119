"""A transport that is lost: the session goes on, is set up afresh, or fails, and everybody hears of it in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import jitsimeet
from conftest import PASSWORD, Server, make_token, next_event, record, record_stanzas
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionInterrupted,
    ConnectionResumed,
    InvalidStateError,
    JitsiConnection,
    SessionLostError,
    TokenExpired,
)

PING = "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
ESTABLISHED = ConnectionEvent.CONNECTION_ESTABLISHED
FAILED = ConnectionEvent.CONNECTION_FAILED
INTERRUPTED = ConnectionEvent.INTERRUPTED
RESUMED = ConnectionEvent.RESUMED


@pytest.fixture
def network() -> Iterator[None]:
    yield
    jitsimeet.set_network_info(is_online=True)


async def test_a_lost_transport_is_replaced_and_the_events_come_in_order(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    jid = await connection.connect()
    events = record(connection)
    server.command("cut")
    await next_event(connection, ESTABLISHED)
    interrupted, resumed, established = events
    assert isinstance(interrupted, ConnectionInterrupted)
    assert interrupted.code in {ConnectionErrorCode.CONNECTION_LOST, ConnectionErrorCode.CLOSED_BY_SERVER}
    assert isinstance(interrupted.code, ConnectionErrorCode)
    assert interrupted.message != ""
    assert isinstance(resumed, ConnectionResumed)
    assert (resumed.attempts, resumed.resent) == (1, 0)
    assert 0 < resumed.downtime_ms < 10_000
    assert established == ConnectionEstablished(jid.partition("/")[2], resumed=True)
    assert connection.jid == jid
    assert server.sessions() == [jid]
    assert "resumed" in connection.get_connection_times()
    await connection.disconnect()


async def test_what_was_sent_either_way_meanwhile_arrives_once_and_in_order(server: Server) -> None:
    away, other = JitsiConnection(options=server.options), JitsiConnection(options=server.options)
    async with away.connect(), other.connect():
        came, arrived = record_stanzas(away), record_stanzas(other)
        expected = [str(number) for number in range(50)]

        def send(number: str) -> asyncio.Task[None]:
            return asyncio.create_task(away.send_stanza(f"<message to='{other.jid}' id='{number}'/>"))

        before = [send(number) for number in expected[:25]]
        await asyncio.sleep(0)
        server.command("cut")
        await next_event(away, INTERRUPTED)
        after = [send(number) for number in expected[25:]]
        for number in expected:
            stanza = f"<message xmlns='jabber:client' id='{number}'/>"
            server.command("deliver", jid=away.jid, stanza=stanza)
        await asyncio.gather(*before, *after)
        # Both have resumed, and the answers come behind all that was on its way.
        await asyncio.gather(away.send_iq(PING), other.send_iq(PING))
        await asyncio.gather(away.send_iq(PING), other.send_iq(PING))
        assert [stanza.id for stanza in came if stanza.name == "message"] == expected
        assert [stanza.id for stanza in arrived if stanza.name == "message"] == expected


async def test_what_was_not_acknowledged_is_sent_again_and_counted(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        server.command("stall")
        sending = [asyncio.create_task(connection.send_stanza("<presence/>")) for _ in range(3)]
        await asyncio.sleep(0)
        # Without a token of any meaning here, a new transport at once.
        events = record(connection)
        await connection.refresh_token("token")
        await asyncio.gather(*sending)
        assert isinstance(events[0], ConnectionResumed)
        assert events[0].resent == 3


async def test_a_request_of_meanwhile_is_answered_after_the_resumption(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        server.command("cut")
        await next_event(connection, INTERRUPTED)
        events = record(connection)
        assert "result" in await connection.send_iq(PING)
        assert [event.kind for event in events] == [RESUMED, ESTABLISHED]


async def test_an_account_resumes(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    async with connection.connect(id="user", password=PASSWORD):
        account_server.command("cut")
        assert (await next_event(connection, ESTABLISHED)).resumed


async def test_a_refused_resumption_loses_what_was_sent_and_then_fails(server: Server) -> None:
    connection = JitsiConnection(options=server.options, xmpp_ping={"interval": 50, "timeout": 50})
    order: list[str] = []

    @connection.on(FAILED)
    def failed(event: ConnectionFailed) -> None:
        assert event.error_type == ConnectionErrorType.CONNECTION_DROPPED_ERROR
        assert event.code == ConnectionErrorCode.RESUME_REFUSED
        order.append("failed")

    async def send() -> None:
        with pytest.raises(SessionLostError):
            await connection.send_stanza("<presence/>")
        order.append("lost")

    first = await connection.connect()
    server.command("stall")
    sending = asyncio.create_task(send())
    await asyncio.sleep(0)
    server.command("restart")
    await next_event(connection, FAILED)
    await sending
    assert order == ["lost", "failed"]
    assert await connection.connect() != first
    await connection.disconnect()


async def test_with_reconnect_a_lost_session_is_followed_by_a_fresh_one(server: Server) -> None:
    connection = JitsiConnection(options=server.options, reconnect={"base_delay": 1, "max_delay": 1})
    first = await connection.connect()
    events = record(connection)
    server.command("close")
    await next_event(connection, ESTABLISHED)
    interrupted, established = events
    assert isinstance(interrupted, ConnectionInterrupted)
    assert interrupted.code == ConnectionErrorCode.CLOSED_BY_SERVER
    assert connection.jid is not None
    assert connection.jid != first
    assert established == ConnectionEstablished(connection.jid.partition("/")[2], reconnected=True)
    await connection.send_iq(PING)
    await connection.disconnect()


async def test_with_reconnect_awaiting_connect_ends_with_the_attempt_that_succeeds(server: Server) -> None:
    server.command("faults", stream="cut")
    connection = JitsiConnection(options=server.options, reconnect={"base_delay": 1, "max_delay": 1})
    events = record(connection)
    attempt = connection.connect()
    await next_event(connection, INTERRUPTED)
    server.command("faults")
    assert await attempt == connection.jid
    assert {event.kind for event in events[:-1]} == {INTERRUPTED}
    assert isinstance(events[-1], ConnectionEstablished)
    await connection.disconnect()


async def test_with_reconnect_the_last_attempt_fails_the_connection_once(server: Server) -> None:
    server.command("faults", stream="cut")
    connection = JitsiConnection(
        options=server.options, reconnect={"max_attempts": 2, "base_delay": 1, "max_delay": 1}
    )
    events = record(connection)
    with pytest.raises(jitsimeet.ConnectionFailedError) as caught:
        await connection.connect()
    assert [event.kind for event in events] == [INTERRUPTED, INTERRUPTED, FAILED]
    assert events[-1] == caught.value.failure


async def test_disconnect_while_interrupted_ends_it_and_connect_is_refused_until_then(server: Server) -> None:
    server.command("faults", resume="silent")
    connection = JitsiConnection(options=server.options)
    await connection.connect()
    server.command("cut")
    await next_event(connection, INTERRUPTED)
    events = record(connection)
    with pytest.raises(InvalidStateError, match="interrupted"):
        connection.connect()
    held = asyncio.create_task(connection.send_stanza("<presence/>"))
    await asyncio.sleep(0)
    await connection.disconnect()
    with pytest.raises(SessionLostError):
        await held
    assert events == [ConnectionDisconnected()]


async def test_with_an_expired_token_the_session_waits_for_another_one(server: Server) -> None:
    connection = JitsiConnection(token=make_token(expires_in=-60), options=server.options)
    jid = await connection.connect()
    server.command("cut")
    assert await next_event(connection, ConnectionEvent.TOKEN_EXPIRED) == TokenExpired()
    await connection.refresh_token(make_token())
    assert connection.jid == jid
    await connection.disconnect()


@pytest.mark.usefixtures("network")
async def test_without_a_network_no_attempt_is_made(server: Server) -> None:
    connection = JitsiConnection(options=server.options, resume={"max_elapsed": 1000})
    await connection.connect()
    jitsimeet.set_network_info(is_online=False)
    events = record(connection)
    server.command("cut")
    # The first attempt would have come within 300 ms.
    failed: ConnectionFailed = await next_event(connection, FAILED)
    assert failed.code == ConnectionErrorCode.RESUME_TIMEOUT
    assert [event.kind for event in events] == [INTERRUPTED, FAILED]
    assert server.command("sessions")["connections"] == 1


@pytest.mark.usefixtures("network")
async def test_an_attempt_is_made_as_soon_as_the_network_is_back(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    await connection.connect()
    jitsimeet.set_network_info(is_online=False)
    server.command("cut")
    await next_event(connection, INTERRUPTED)
    jitsimeet.set_network_info(is_online=True)
    assert (await next_event(connection, ESTABLISHED)).resumed
    await connection.disconnect()


def test_whether_there_is_a_network_is_a_keyword_and_a_bool() -> None:
    with pytest.raises(TypeError, match="positional"):
        jitsimeet.set_network_info(True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="bool"):
        jitsimeet.set_network_info(is_online="no")  # type: ignore[arg-type]
