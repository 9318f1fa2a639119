"""The last frames of a connection, without secrets."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime

import pytest

import jitsimeet
from conftest import PASSWORD, Server, make_token
from jitsimeet import ConferenceRequestFailedError, ConnectionFailedError, JitsiConnection

SECRET = "correct-horse-battery-staple"


def everything_in(connection: JitsiConnection) -> str:
    return json.dumps(connection.get_logs())


async def test_the_shape_is_lib_jitsi_meets(server: Server) -> None:
    service_url = server.about["serviceUrl"]
    connection = JitsiConnection(options=server.options_for(f"{service_url}?query=1"))
    begin = time.time() * 1000
    async with connection.connect():
        logs = connection.get_logs()
    assert set(logs) == {"metadata"}
    metadata = logs["metadata"]
    assert set(metadata) == {"time", "url", "ua", "xmpp"}
    assert datetime.fromisoformat(metadata["time"].replace("Z", "+00:00")).tzinfo is not None
    assert metadata["url"] == service_url
    assert metadata["ua"] == f"jitsimeet/{jitsimeet.__version__}"
    assert all(begin - 1 <= moment <= time.time() * 1000 + 1 for moment, _, _ in metadata["xmpp"])


async def test_frames_of_both_directions_are_kept_in_order(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        await connection.send_iq("<iq id='question' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
        frames = connection.get_logs()["metadata"]["xmpp"]
    about_it = [direction for _, direction, frame in frames if "question" in frame]
    assert about_it == ["outgoing", "incoming"]


def test_a_new_connection_has_no_frames(server: Server) -> None:
    metadata = JitsiConnection(options=server.options).get_logs()["metadata"]
    assert (metadata["url"], metadata["xmpp"]) == (server.about["serviceUrl"], [])


async def test_the_frames_outlive_the_session(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        pass
    assert connection.get_logs()["metadata"]["xmpp"] != []


@pytest.mark.parametrize(("limits", "kept"), [({"max_entries": 2}, 2), ({"max_entries": 0}, 0)])
async def test_no_more_is_kept_than_the_option_says(
    server: Server, limits: dict[str, int], kept: int
) -> None:
    connection = JitsiConnection(options=server.options, logs=limits)
    async with connection.connect():
        assert len(connection.get_logs()["metadata"]["xmpp"]) == kept


async def test_no_password_is_kept(account_server: Server) -> None:
    account_server.command("faults", mechanisms=["PLAIN"])
    connection = JitsiConnection(options=account_server.options, sasl={"allow_plain_without_tls": True})
    with pytest.raises(ConnectionFailedError):
        await connection.connect(id="user", password=SECRET)
    # The message that it was in is there, without it.
    assert "***" in everything_in(connection)
    for form in (SECRET, base64.b64encode(f"\0user\0{SECRET}".encode()).decode()):
        assert form not in everything_in(connection)


async def test_nothing_of_a_login_that_succeeds_is_kept(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    async with connection.connect(id="user", password=PASSWORD):
        frames = connection.get_logs()["metadata"]["xmpp"]
    login = [frame for _, _, frame in frames if "xmpp-sasl" in frame and "mechanisms" not in frame]
    assert login != []
    # SCRAM: of the names and nonces of both sides, and of the proofs, nothing is left.
    assert all("***" in frame for frame in login)


async def test_no_token_is_kept(server: Server) -> None:
    token = make_token()
    options = {**server.options, "hosts": {"domain": server.about["domain"], "focus": "nobody.example"}}
    connection = JitsiConnection(token=token, options=options)
    async with connection.connect():
        with pytest.raises(ConferenceRequestFailedError):
            # It bears the token.
            await connection.send_conference_request("room")
    assert "token='***'" in everything_in(connection)
    assert token not in everything_in(connection)


async def test_no_password_of_a_room_is_kept(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        await connection.send_stanza(
            "<presence to='room@conference.meet.example/me'>"
            f"<x xmlns='http://jabber.org/protocol/muc'><password>{SECRET}</password></x></presence>"
        )
        assert "<password>***</password>" in everything_in(connection)
        assert SECRET not in everything_in(connection)
