"""The features that a connection advertises."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from conftest import Server, next_event
from jitsimeet import ConnectionEvent, JitsiConnection

PING = "urn:xmpp:ping"
FEATURE = "urn:example:feature"


async def advertised(server: Server, connection: JitsiConnection) -> list[str]:
    """Return what the connection answers to somebody's disco#info."""
    async with JitsiConnection(options=server.options).connect() as asking:
        query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        question = f"<iq xmlns='jabber:client' type='get' id='asked' from='{asking.jid}'>{query}</iq>"
        arriving = asyncio.ensure_future(next_event(asking, ConnectionEvent.STANZA_RECEIVED))
        await asyncio.sleep(0)
        server.command("deliver", jid=connection.jid, stanza=question)
        while (stanza := await arriving).id != "asked":
            arriving = asyncio.ensure_future(next_event(asking, ConnectionEvent.STANZA_RECEIVED))
        return re.findall("var=[\"']([^\"']*)", stanza.xml)


async def test_an_added_feature_is_advertised_until_it_is_removed(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        assert FEATURE not in await advertised(server, connection)
        connection.add_feature(FEATURE)
        assert FEATURE in await advertised(server, connection)
        connection.remove_feature(FEATURE)
        assert FEATURE not in await advertised(server, connection)


async def test_a_feature_of_the_library_can_be_removed_and_added_again(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        assert PING in await advertised(server, connection)
        connection.remove_feature(PING, submit=True)
        assert PING not in await advertised(server, connection)
        connection.add_feature(PING, submit=True)
        assert PING in await advertised(server, connection)


def test_what_is_changed_before_there_is_an_event_loop_holds(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    connection.add_feature(FEATURE)
    connection.remove_feature(PING)

    async def advertises() -> list[str]:
        async with connection.connect():
            return await advertised(server, connection)

    features = asyncio.run(asyncio.wait_for(advertises(), 30))
    assert FEATURE in features
    assert PING not in features


async def test_features_outlive_the_session(server: Server) -> None:
    connection = JitsiConnection(options=server.options)
    async with connection.connect():
        connection.add_feature(FEATURE)
    async with connection.connect():
        assert FEATURE in await advertised(server, connection)


def test_removing_a_feature_that_is_not_there_does_nothing(server: Server) -> None:
    JitsiConnection(options=server.options).remove_feature(FEATURE)


@pytest.mark.parametrize("method", ["add_feature", "remove_feature"])
@pytest.mark.parametrize("feature", ["", "a\nb", "\0", "\ud800"])
def test_what_cannot_be_a_feature_is_a_value_error(server: Server, method: str, feature: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (a lone surrogate is Python's to refuse, in its words)
        getattr(JitsiConnection(options=server.options), method)(feature)


@pytest.mark.parametrize("method", ["add_feature", "remove_feature"])
@pytest.mark.parametrize("arguments", [(None,), (5,), (b"f",), (FEATURE, "yes"), (FEATURE, 1), ()])
def test_arguments_of_the_wrong_type_are_a_type_error(
    server: Server, method: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(TypeError):
        getattr(JitsiConnection(options=server.options), method)(*arguments)
