"""The server that users test their own programs with."""

from __future__ import annotations

import socket

import pytest

from conftest import PASSWORD, make_token, next_event
from jitsimeet import ConnectionEvent, ConnectionFailedError, JitsiConnection, StanzaReceived
from jitsimeet.testing import TestServer

pytest_plugins = ["pytester"]


async def test_it_serves_guests_and_says_who_is_there() -> None:
    with TestServer() as server:
        async with JitsiConnection(options=server.options).connect() as connection:
            assert server.sessions() == [connection.jid]
            assert server.connections() == 1
            assert [request["method"] for request in server.requests()] == ["GET"]
            assert not server.deliver("nobody@meet.example/x", "<message/>")
            stanzas = connection.events(ConnectionEvent.STANZA_RECEIVED)
            assert server.deliver(str(connection.jid), "<message xmlns='jabber:client' id='1'/>")
            async for stanza in stanzas:
                if isinstance(stanza, StanzaReceived) and stanza.id == "1":
                    break
            conference = await connection.send_conference_request("room")
            assert conference.focus_jid
            assert len(server.conference_requests()) == 1
        assert server.sessions() == []


async def test_it_serves_accounts_tokens_and_tls() -> None:
    async with TestServer(tls=True, accounts={"user": PASSWORD}, token_secret="secret") as server:
        assert server.service_url.startswith("wss:")
        connection = JitsiConnection(options=server.options)
        with pytest.raises(ConnectionFailedError):
            await connection.connect()
        async with connection.connect(id="user", password=PASSWORD):
            pass
        async with JitsiConnection(token=make_token("secret"), options=server.options).connect():
            pass


async def test_faults_orders_and_what_it_tells() -> None:
    async with TestServer(deployment={"shard": "one"}) as server:
        server.set_faults(stream="refuse_auth")
        connection = JitsiConnection(options=server.options)
        with pytest.raises(ConnectionFailedError):
            await connection.connect()
        server.set_faults()
        server.set_deployment(shard="two")
        async with connection.connect():
            if connection.get_properties().get("shard") is None:
                await next_event(connection, ConnectionEvent.PROPERTIES_UPDATED)
            assert connection.get_properties()["shard"] == "two"
            server.cut()
            resumed = await next_event(connection, ConnectionEvent.RESUMED)
            assert resumed.attempts == 1
            server.order("stream_error", condition="policy-violation")
            failed = await next_event(connection, ConnectionEvent.CONNECTION_FAILED)
            assert failed.condition == "policy-violation"


async def test_it_has_rooms_with_a_focus() -> None:
    with TestServer(rooms={"meeting_id": "m"}) as server:
        server.set_joins({"error": "not-allowed", "text": "no"})
        server.set_rooms(meeting_id="n", offers=False)
        async with JitsiConnection(options=server.options).connect() as connection:
            room = "room@conference.meet.example"
            await connection.send_conference_request("room")
            join = f"<presence xmlns='jabber:client' to='{room}/me'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
            stanzas = connection.events(ConnectionEvent.STANZA_RECEIVED)
            for answer in ("not-allowed", "<subject"):
                await connection.send_stanza(join)
                async for stanza in stanzas:
                    if isinstance(stanza, StanzaReceived) and answer in stanza.xml:
                        break
            assert server.order_room("room", "enter", nick="other")
            state = server.room(room)
            assert state is not None
            assert [occupant["nick"] for occupant in state["occupants"]] == ["focus", "me", "other"]
            assert state["meeting_id"] == "n"
            assert not server.order_room("room", "kick", nick="nobody")
            assert server.room("another") is None
            assert server.jingle_answers() == []
        with pytest.raises(ValueError, match="dance"):
            server.order_room("room", "dance")


def test_bad_input_is_named() -> None:
    with TestServer() as server:
        with pytest.raises(ValueError, match="stream"):
            server.set_faults(stream="no such fault")
        with pytest.raises(ValueError, match="no_such_order"):
            server.order("no_such_order")
        with pytest.raises(ValueError, match="no_such_field"):
            server.set_deployment(no_such_field=1)
    with pytest.raises(ValueError, match="no_such_field"):
        TestServer(deployment={"no_such_field": 1})
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        TestServer(port=taken.getsockname()[1])


def test_a_closed_server_is_closed() -> None:
    server = TestServer()
    server.close()
    server.close()
    with pytest.raises(RuntimeError, match="closed"):
        server.sessions()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(server.service_url.split(":")[2].split("/")[0])))


def test_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['jitsimeet.pytest_plugin']")
    pytester.makepyfile(
        """
        from jitsimeet.sync import JitsiConnection

        def test_connects(jitsimeet_server):
            with JitsiConnection(options=jitsimeet_server.options) as connection:
                assert connection.connect() in jitsimeet_server.sessions()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
