"""The conference request: asked for by the caller, or before connecting."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest

from conftest import Server, next_event, record, web_server
from jitsimeet import (
    Conference,
    ConferenceRequestFailedError,
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEvent,
    ConnectionFailedError,
    ConnectionRedirected,
    ConnectionState,
    JitsiConnection,
    NotConnectedError,
    RedirectedError,
    SessionLostError,
)

FOCUS_JID = "focus@auth.meet.example/focus"
READY = {"ready": True, "focusJid": FOCUS_JID}
REDIRECTION = {**READY, "vnode": "v1"}
NOT_LIVE = {"ready": False, "properties": {"live": "false"}}


def connection_without_focus(server: Server) -> JitsiConnection:
    hosts = {"domain": server.about["domain"], "focus": "nobody.example"}
    return JitsiConnection(options={**server.options, "hosts": hosts})


async def test_the_answer_is_a_conference(server: Server) -> None:
    properties = {"authentication": "true", "sipGatewayEnabled": False, "visitors-version": 1}
    answer = {**READY, "identity": "me@meet.example", "properties": properties}
    async with web_server(answer) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        async with connection.connect():
            conference = await connection.send_conference_request("Room")
    texts = {"authentication": "true", "sipGatewayEnabled": "false", "visitors-version": "1"}
    assert conference == Conference(FOCUS_JID, "me@meet.example", None, texts)
    assert [json.loads(body)["room"] for body in web.bodies] == ["room@conference.meet.example"]


async def test_what_a_conference_lacks_is_none(server: Server) -> None:
    async with web_server({"ready": True}) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        async with connection.connect():
            assert await connection.send_conference_request("room") == Conference()


async def test_options_of_the_conference_request_reach_the_focus(server: Server) -> None:
    async with web_server(REDIRECTION) as web:
        connection = JitsiConnection(
            options=server.options,
            conference_request_url=web.url,
            hosts={"domain": server.about["domain"], "muc": "rooms.example"},
            start_audio_muted=10,
            i_am_recorder=True,
        )
        async with connection.connect():
            conference = await connection.send_conference_request("room")
    # A recorder is not redirected.
    assert conference.vnode == "v1"
    request = json.loads(web.bodies[0])
    assert request["room"] == "room@rooms.example"
    assert request["properties"]["startAudioMuted"] == 10


async def test_a_conference_elsewhere_is_an_event_and_raised_and_the_session_goes_on(server: Server) -> None:
    async with web_server(REDIRECTION) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        async with connection.connect():
            events = record(connection)
            with pytest.raises(RedirectedError, match="v1") as caught:
                await connection.send_conference_request("room")
            assert (caught.value.vnode, caught.value.focus_jid) == ("v1", FOCUS_JID)
            assert events == [ConnectionRedirected("v1", FOCUS_JID)]
            await connection.ping()


async def test_with_a_room_the_request_comes_before_everything_else(server: Server) -> None:
    async with web_server(READY) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        async with connection.connect(name="room"):
            assert [json.loads(body)["room"] for body in web.bodies] == ["room@conference.meet.example"]


async def test_a_redirection_before_the_login_ends_the_attempt(server: Server) -> None:
    async with web_server(REDIRECTION) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        events = record(connection)
        with pytest.raises(RedirectedError) as caught:
            await connection.connect(name="room")
    assert (caught.value.vnode, caught.value.focus_jid) == ("v1", FOCUS_JID)
    assert events == [ConnectionRedirected("v1", FOCUS_JID)]
    assert connection.state is ConnectionState.IDLE
    assert server.command("sessions")["connections"] == 0


async def test_a_conference_that_is_not_live_fails_the_attempt_that_needs_it(server: Server) -> None:
    async with web_server(NOT_LIVE) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url, name="room")
        with pytest.raises(ConnectionFailedError) as caught:
            await connection.connect()
    assert caught.value.error_type == ConnectionErrorType.NOT_LIVE_ERROR


async def test_a_server_that_does_not_know_the_focus(server: Server) -> None:
    connection = connection_without_focus(server)
    async with connection.connect():
        with pytest.raises(ConferenceRequestFailedError) as caught:
            await connection.send_conference_request("room")
    error = caught.value
    assert error.condition == "service-unavailable"
    assert error.error_type == ConnectionErrorType.CONFERENCE_REQUEST_FAILED
    assert error.code == ConnectionErrorCode.CONFERENCE_REQUEST
    assert not error.transient
    assert "nobody.example" in error.message
    assert error.message in str(error)


async def test_a_refused_request_is_no_event_and_the_session_goes_on(server: Server) -> None:
    connection = connection_without_focus(server)
    async with connection.connect():
        events = record(connection)
        with pytest.raises(ConferenceRequestFailedError):
            await connection.send_conference_request("room")
        await connection.ping()
        assert events == []


async def test_there_is_nobody_to_ask_before_connect_and_after_disconnect(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    for _ in range(2):
        with pytest.raises(NotConnectedError):
            await connection.send_conference_request("room")
        async with connection.connect():
            pass


BAD_ROOMS = ["", "a room", "room@conference.meet.example", "room/nick", "\0", "x" * 2000]


@pytest.mark.parametrize("room", BAD_ROOMS)
async def test_a_room_that_cannot_be_one_is_a_value_error_of_the_request(server: Server, room: str) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        with pytest.raises(ValueError, match="name of a room"):
            await connection.send_conference_request(room)


@pytest.mark.parametrize("room", BAD_ROOMS)
async def test_a_room_that_cannot_be_one_is_a_value_error_of_connect(server: Server, room: str) -> None:
    connection = JitsiConnection(options=server.options)
    with pytest.raises(ValueError, match="name of a room"):
        connection.connect(name=room)
    assert connection.state is ConnectionState.IDLE


@pytest.mark.parametrize("room", [5, b"room", ["room"]])
async def test_a_room_is_a_string(server: Server, room: Any) -> None:
    connection = JitsiConnection(options=server.options)
    with pytest.raises(TypeError, match="'str'"):
        connection.connect(name=room)
    with pytest.raises(TypeError, match="'str'"):
        await connection.send_conference_request(room)


async def test_cancelling_gives_up_waiting_for_a_conference_that_is_not_ready(server: Server) -> None:
    async with web_server({"ready": False}) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        async with connection.connect():
            asking = asyncio.create_task(connection.send_conference_request("room"))
            while not web.bodies:
                await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await connection.ping()


async def test_a_request_under_way_ends_with_its_session(server: Server) -> None:
    async with web_server({"ready": False}) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        await connection.connect()
        asking = asyncio.create_task(connection.send_conference_request("room"))
        while not web.bodies:
            await asyncio.sleep(0)
        await connection.disconnect()
        with pytest.raises(SessionLostError):
            await asking


async def test_the_exceptions_survive_pickling(server: Server) -> None:
    redirected = RedirectedError("the conference is elsewhere", "v1", FOCUS_JID)
    copy = pickle.loads(pickle.dumps(redirected))
    assert (str(copy), copy.vnode, copy.focus_jid) == (str(redirected), "v1", FOCUS_JID)
    connection = connection_without_focus(server)
    async with connection.connect():
        with pytest.raises(ConferenceRequestFailedError) as caught:
            await connection.send_conference_request("room")
    refused = pickle.loads(pickle.dumps(caught.value))
    assert (str(refused), refused.failure) == (str(caught.value), caught.value.failure)


async def test_listeners_hear_of_a_redirection_by_its_string(server: Server) -> None:
    async with web_server(REDIRECTION) as web:
        connection = JitsiConnection(options=server.options, conference_request_url=web.url)
        hearing = asyncio.ensure_future(next_event(connection, ConnectionEvent("connection.redirected")))
        await asyncio.sleep(0)
        with pytest.raises(RedirectedError):
            await connection.connect(name="room")
        assert (await hearing).kind == "connection.redirected"
