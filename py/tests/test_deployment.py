"""What a deployment tells of itself, and what the options say until then."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timezone

import pytest

from conftest import Server, next_event
from jitsimeet import (
    ConnectionEvent,
    DisplayNameRequired,
    JitsiConnection,
    PropertiesUpdated,
)

DISCO_INFO = "http://jabber.org/protocol/disco#info"
STUN = {"urls": ["stun:stun.example:3478"]}
TURN = {"urls": ["turn:turn.example", "turns:turn.example"], "username": "user", "credential": "secret"}


def push(server: Server, connection: JitsiConnection, payload: str) -> None:
    """Have the server tell something of itself, as Jitsi's servers do at the login."""
    stanza = f"<message xmlns='jabber:client' from='{server.about['domain']}'>{payload}</message>"
    assert server.command("deliver", jid=connection.jid, stanza=stanza) == {"ok": True}


def info(*children: str) -> str:
    return f"<query xmlns='{DISCO_INFO}'>{''.join(children)}</query>"


def identity(kind: str, name: str, category: str = "component") -> str:
    return f"<identity category='{category}' type='{kind}' name='{name}'/>"


def test_without_options_nothing_is_known(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    assert connection.get_properties() == {"components": {}, "features": []}
    assert connection.get_ice_servers() == []


def test_shard_and_region_are_those_of_the_options_at_first(server: Server) -> None:
    connection = JitsiConnection(options=server.options, deployment_info={"shard": "one", "region": "eu"})
    properties = connection.get_properties()
    assert properties == {"shard": "one", "region": "eu", "components": {}, "features": []}


async def test_the_server_tells_its_properties(server: Server) -> None:
    connection = JitsiConnection(options=server.options, deployment_info={"shard": "one"})
    async with connection.connect():
        placement = (identity("shard", "two"), identity("region", "eu"), identity("release", "7"))
        lobby = identity("lobbyrooms", "lobby.meet.example")
        push(server, connection, info(*placement, lobby, "<feature var='urn:example'/>"))
        await next_event(connection, ConnectionEvent.PROPERTIES_UPDATED)
        properties = connection.get_properties()
    assert (properties["shard"], properties["region"], properties["release"]) == ("two", "eu", "7")
    assert properties["components"]["lobbyrooms"] == "lobby.meet.example"
    assert "urn:example" in properties["features"]


async def test_listeners_hear_of_shard_and_region(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        push(server, connection, info(identity("shard", "two"), identity("region", "eu")))
        event = await next_event(connection, ConnectionEvent.PROPERTIES_UPDATED)
    assert event == PropertiesUpdated(shard="two", region="eu")


async def test_listeners_hear_that_a_display_name_is_required(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        required = "<feature var='http://jitsi.org/protocol/lobbyrooms#displayname_required'/>"
        push(server, connection, info(identity("lobbyrooms", "lobby.meet.example"), required))
        event = await next_event(connection, ConnectionEvent.DISPLAY_NAME_REQUIRED)
    assert event == DisplayNameRequired()


@pytest.mark.parametrize("of_p2p", [False, True])
def test_the_ice_servers_of_the_options(server: Server, of_p2p: bool) -> None:
    options = {"p2p": {"stun_servers": [STUN, TURN]}} if of_p2p else {"p2p_stun_servers": [STUN, TURN]}
    connection = JitsiConnection(options={**server.options}, **options)
    assert connection.get_ice_servers() == [STUN, TURN]


def test_a_single_url_of_an_ice_server_becomes_a_list(server: Server) -> None:
    connection = JitsiConnection(
        options=server.options, p2p_stun_servers=[{"urls": "stun:stun.example:3478"}]
    )
    assert connection.get_ice_servers() == [STUN]


async def test_the_server_names_ice_servers_and_when_they_expire(server: Server) -> None:
    expires = int(time.time()) + 3600
    moment = datetime.fromtimestamp(expires, timezone.utc).isoformat()
    turn = f"<service type='turn' host='t.example' username='u' password='p' expires='{moment}'/>"
    connection = JitsiConnection(options=server.options, p2p_stun_servers=[STUN])
    async with connection.connect():
        push(server, connection, f"<services xmlns='urn:xmpp:extdisco:2'>{turn}</services>")
        while len(connection.get_ice_servers()) < 2:
            await asyncio.sleep(0)
        servers = connection.get_ice_servers()
    told = {"urls": ["turn:t.example"], "username": "u", "credential": "p", "expires": expires * 1000}
    assert servers == [STUN, told]
