"""BOSH, and sessions that someone else has bound."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Server, record
from jitsimeet import (
    ConnectionErrorType,
    ConnectionFailedError,
    InvalidStateError,
    JitsiConnection,
    UnsupportedTransportError,
)


def connection_to(server: Server) -> JitsiConnection:
    return JitsiConnection(options=server.options_for(server.about["boshUrl"]))


def prebind(server: Server) -> dict[str, Any]:
    prebound: dict[str, Any] = server.command("prebind")["prebound"]
    return prebound


async def test_a_guest_connects_over_bosh(server: Server) -> None:
    async with connection_to(server).connect() as connection:
        assert connection.jid in server.sessions()
        assert "upgrade" not in connection.get_connection_times()
    assert connection.jid not in server.sessions()


@pytest.mark.parametrize("kind", [int, str])
async def test_a_session_goes_on_and_ends_for_real(server: Server, kind: type[int | str]) -> None:
    prebound = prebind(server)
    connection = connection_to(server)
    jid = await connection.attach(jid=prebound["jid"], sid=prebound["sid"], rid=kind(prebound["rid"]))
    assert jid == connection.jid == prebound["jid"]
    times = connection.get_connection_times()
    assert times["attaching"] <= times["attached"]
    with pytest.raises(InvalidStateError):
        connection.attach(**prebound)
    await connection.disconnect()
    assert jid not in server.sessions()


async def test_a_wrong_sid_is_an_unknown_session(server: Server) -> None:
    connection = connection_to(server)
    events = record(connection)
    with pytest.raises(ConnectionFailedError) as caught:
        await connection.attach(jid="guest@meet.example/r", sid="wrong", rid=1)
    assert caught.value.condition == "item-not-found"
    assert caught.value.error_type == ConnectionErrorType.OTHER_ERROR
    assert events == [caught.value.failure]


async def test_what_cannot_be_attached_to_is_refused(server: Server) -> None:
    connection = connection_to(server)
    with pytest.raises(ValueError, match="`rid`"):
        connection.attach(jid="guest@meet.example/r", sid="sid", rid="next")
    with pytest.raises(ValueError, match="`jid`"):
        connection.attach(jid="guest@meet.example", sid="sid", rid=1)
    with pytest.raises(UnsupportedTransportError):
        JitsiConnection(options=server.options).attach(jid="guest@meet.example/r", sid="sid", rid=1)
