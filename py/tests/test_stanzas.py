"""Sending stanzas and requests, and receiving stanzas."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from conftest import TEST_TIMEOUT, Server, next_event, record, record_stanzas
from jitsimeet import (
    ConnectionErrorCode,
    ConnectionEvent,
    ConnectionFailed,
    InvalidStanzaError,
    JitsiConnection,
    JitsiError,
    NotConnectedError,
    SendQueueFullError,
    SessionLostError,
    StanzaReceived,
)
from jitsimeet._events import Event

PING = "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
STANZA_RECEIVED = ConnectionEvent.STANZA_RECEIVED


async def test_a_stanza_reaches_the_other_session(server: Server) -> None:
    sender, receiver = JitsiConnection(options=server.options), JitsiConnection(options=server.options)
    async with sender.connect(), receiver.connect():
        arriving = asyncio.ensure_future(next_event(receiver, STANZA_RECEIVED))
        await asyncio.sleep(0)
        await sender.send_stanza(
            f"<message to='{receiver.jid}' type='chat' id='m1'><body>hi</body></message>"
        )
        stanza: StanzaReceived = await arriving
        assert "<body>hi</body>" in stanza.xml
        assert (stanza.name, stanza.from_, stanza.to) == ("message", sender.jid, receiver.jid)
        assert (stanza.type, stanza.id) == ("chat", "m1")


async def test_a_stanza_comes_as_it_was_sent_and_what_it_lacks_is_none(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        stanzas = record_stanzas(connection)
        xml = "<presence xmlns='jabber:client'   ><x>ü</x></presence>"
        server.command("deliver", jid=connection.jid, stanza=xml)
        await connection.send_iq(PING)
        assert stanzas[0] == StanzaReceived(xml, "presence", None, None, None, None)


async def test_sending_returns_when_the_server_has_acknowledged(server: Server) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=50)
    await connection.connect()
    await connection.send_stanza("<presence/>")
    server.command("stall")
    sending = asyncio.create_task(connection.send_stanza("<presence/>"))
    await asyncio.sleep(0)
    await connection.disconnect()
    with pytest.raises(SessionLostError):
        await sending


async def test_without_stream_management_sending_returns_when_the_stanza_is_written(server: Server) -> None:
    connection = JitsiConnection(options=server.options, enable_websocket_resume=False, disconnect_timeout=50)
    async with connection.connect():
        server.command("stall")
        await connection.send_stanza("<presence/>")


async def test_stanzas_arrive_in_the_order_in_which_they_were_sent(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        stanzas = record_stanzas(connection)
        expected = [str(number) for number in range(500)]
        await asyncio.gather(
            *(connection.send_stanza(f"<message to='{connection.jid}' id='{n}'/>") for n in expected)
        )
        # The answer comes behind all that was sent before.
        await connection.send_iq(PING)
        assert [stanza.id for stanza in stanzas][: len(expected)] == expected


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        ("<message>", "not well-formed"),
        ("<message/><message/>", "more than one element"),
        ("<body/>", "not a message, presence or iq"),
        ("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "needs an id"),
    ],
)
async def test_a_bad_stanza_is_refused_with_the_reason_and_costs_nobody_the_session(
    server: Server, xml: str, problem: str
) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        with pytest.raises(InvalidStanzaError, match=problem) as caught:
            await connection.send_stanza(xml)
        assert isinstance(caught.value, ValueError)
        await connection.send_iq(PING)


async def test_there_is_nothing_to_send_on_before_connect_and_after_disconnect(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    for _ in range(2):
        with pytest.raises(NotConnectedError):
            await connection.send_stanza("<presence/>")
        with pytest.raises(NotConnectedError):
            await connection.send_iq(PING)
        async with connection.connect():
            await connection.send_stanza("<presence/>")


async def test_beyond_the_send_queue_nothing_is_sent(server: Server) -> None:
    connection = JitsiConnection(options=server.options, send_queue={"max_stanzas": 2}, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    sending = [asyncio.create_task(connection.send_stanza("<presence/>")) for _ in range(3)]
    with pytest.raises(SendQueueFullError):
        await sending[2]
    await connection.disconnect()
    for queued in sending[:2]:
        with pytest.raises(SessionLostError):
            await queued


async def test_a_request_returns_the_answer_as_it_came(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        stanzas = record_stanzas(connection)
        answer = await connection.send_iq(PING.replace("<iq", "<iq id='p1'"))
        assert "type=" in answer
        assert "result" in answer
        assert "p1" in answer
        # Listeners hear of it too.
        await connection.send_iq(PING)
        assert stanzas[0].xml == answer


async def test_an_answer_of_type_error_is_returned(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        answer = await connection.send_iq("<iq type='set'><query xmlns='urn:example'/></iq>")
        assert "service-unavailable" in answer


async def test_requests_at_the_same_time_get_their_own_answers(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        names = [f"request-{number}" for number in range(100)]
        answers = await asyncio.gather(
            *(connection.send_iq(PING.replace("<iq", f"<iq id='{name}'")) for name in names)
        )
        assert all(
            f'"{name}"' in answer.replace("'", '"') for name, answer in zip(names, answers, strict=True)
        )


async def test_a_request_that_is_none_is_refused(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        with pytest.raises(InvalidStanzaError, match="not an iq of type get or set"):
            await connection.send_iq("<message/>")


@pytest.mark.parametrize(("timeout", "option"), [(0.05, 60_000), (0, 60_000), (None, 50)])
async def test_a_request_without_an_answer_is_a_builtin_timeout_error(
    server: Server, timeout: float | None, option: int
) -> None:
    connection = JitsiConnection(options=server.options, iq_timeout=option, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    with pytest.raises(TimeoutError) as caught:
        await connection.send_iq(PING, timeout)
    assert not isinstance(caught.value, JitsiError)
    await connection.disconnect()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), 1e19])
async def test_the_timeout_of_a_request_is_checked(server: Server, timeout: float) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        with pytest.raises(ValueError, match="timeout"):
            await connection.send_iq(PING, timeout)
        await connection.send_iq(PING, timeout=1e9)


async def test_cancelling_a_request_drops_the_answer(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        stanzas = record_stanzas(connection)
        asking = asyncio.create_task(connection.send_iq(PING))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await connection.send_iq(PING)
        await connection.send_iq(PING)
        assert len(stanzas) >= 2
        gc.collect()


@pytest.mark.parametrize("method", ["send_stanza", "send_iq"])
async def test_cancelling_drops_a_failure_too(server: Server, method: str) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    sending = asyncio.create_task(getattr(connection, method)(PING.replace("<iq", "<iq id='1'")))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await connection.disconnect()
    gc.collect()  # asyncio complains of an exception that nobody has seen when the future is collected.


async def test_a_failure_is_dropped_where_the_coroutine_was_closed(server: Server) -> None:
    connection = JitsiConnection(options=server.options, disconnect_timeout=50)
    await connection.connect()
    server.command("stall")
    sending = connection.send_stanza("<presence/>")
    sending.send(None)
    sending.close()
    await connection.disconnect()
    gc.collect()


class Spied(JitsiConnection):
    """Tells what the engine has delivered, whether or not anybody listens."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.delivered: list[Event] = []

    def _deliver(self, event: Event) -> None:
        self.delivered.append(event)
        super()._deliver(event)


async def test_stanzas_are_delivered_only_while_they_have_a_listener(server: Server) -> None:
    connection = Spied(options=server.options)

    async def is_delivered(number: str) -> bool:
        stanza = f"<message xmlns='jabber:client' id='{number}'/>"
        server.command("deliver", jid=connection.jid, stanza=stanza)
        # The answer comes behind the stanza.
        await connection.send_iq(PING)
        return any(isinstance(event, StanzaReceived) and event.id == number for event in connection.delivered)

    async with connection.connect():
        assert not await is_delivered("1")
        for listener in (print, repr):
            connection.add_event_listener(STANZA_RECEIVED, listener)
        connection.remove_event_listener(STANZA_RECEIVED, print)
        assert await is_delivered("2")
        connection.remove_event_listener(STANZA_RECEIVED, repr)
        assert not await is_delivered("3")


async def test_a_listener_from_before_the_first_connect_hears_stanzas(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    stanzas = record_stanzas(connection)
    for _ in range(2):
        async with connection.connect():
            server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client'/>")
            await connection.send_iq(PING)
    assert [stanza.name for stanza in stanzas if stanza.name != "iq"] == ["message", "message"]


async def test_an_async_listener_may_answer(server: Server) -> None:
    asking, answering = JitsiConnection(options=server.options), JitsiConnection(options=server.options)

    @answering.on(STANZA_RECEIVED)
    async def answer(stanza: StanzaReceived) -> None:
        if stanza.name == "message":
            await answering.send_stanza(f"<message to='{stanza.from_}' id='answer'/>")

    async with asking.connect(), answering.connect():
        arriving = asyncio.ensure_future(next_event(asking, STANZA_RECEIVED))
        await asyncio.sleep(0)
        await asking.send_stanza(f"<message to='{answering.jid}'/>")
        assert (await arriving).id == "answer"


async def test_a_small_event_queue_loses_nothing(server: Server) -> None:
    connection = JitsiConnection(options=server.options, event_queue={"max_events": 2})
    async with connection.connect():
        stanzas = record_stanzas(connection)
        for number in range(100):
            stanza = f"<message xmlns='jabber:client' id='{number}'/>"
            server.command("deliver", jid=connection.jid, stanza=stanza)
        await connection.send_iq(PING)
        assert [stanza.id for stanza in stanzas][:100] == [str(number) for number in range(100)]


async def test_an_event_loop_that_stands_still_ends_the_connection(server: Server) -> None:
    connection = JitsiConnection(options=server.options, event_queue={"max_events": 2, "stall_timeout": 50})
    await connection.connect()
    record_stanzas(connection)
    events = record(connection)
    for _ in range(10):
        server.command("deliver", jid=connection.jid, stanza="<message xmlns='jabber:client'/>")
    deadline = time.monotonic() + TEST_TIMEOUT
    while "connfail" not in connection.get_connection_times():
        assert time.monotonic() < deadline
    while not events:
        await asyncio.sleep(0)
    (failed,) = events
    assert isinstance(failed, ConnectionFailed)
    assert failed.code == ConnectionErrorCode.LISTENER_STALLED
