"""Who connects: guests, accounts, bearers of tokens. And what nobody gets to see."""

from __future__ import annotations

import asyncio
import gc
import traceback
from typing import Any

import pytest

from conftest import PASSWORD, Server, make_token, next_event, record
from jitsimeet import (
    AbortedError,
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEstablished,
    ConnectionEvent,
    ConnectionFailedError,
    ConnectionResumed,
    InvalidStateError,
    JitsiConnection,
)


async def test_an_account_connects_by_its_user_name(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    jid = await connection.connect(id="user", password=PASSWORD)
    assert jid.startswith("user@meet.example/")
    await connection.disconnect()


async def test_a_full_jid_asks_for_its_resource_and_can_be_entered(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    async with connection.connect(id="user@meet.example/desk", password=PASSWORD) as entered:
        assert entered.jid == "user@meet.example/desk"


async def test_without_id_and_password_the_connection_is_a_guests(account_server: Server) -> None:
    async with JitsiConnection(options=account_server.options).connect() as connection:
        assert connection.jid is not None
        assert connection.jid.startswith("guest")


async def test_options_of_sasl_reach_the_engine(account_server: Server) -> None:
    account_server.command("faults", mechanisms=["PLAIN"])
    with pytest.raises(ConnectionFailedError) as caught:
        await JitsiConnection(options=account_server.options).connect(id="user", password=PASSWORD)
    assert caught.value.code == ConnectionErrorCode.NO_MECHANISM
    connection = JitsiConnection(options=account_server.options, sasl={"allow_plain_without_tls": True})
    async with connection.connect(id="user", password=PASSWORD):
        pass


async def test_a_wrong_password(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    events = record(connection)
    with pytest.raises(ConnectionFailedError) as caught:
        await connection.connect(id="user", password="pencils")
    assert events == [caught.value.failure]
    assert caught.value.error_type == ConnectionErrorType.PASSWORD_REQUIRED
    assert caught.value.code == ConnectionErrorCode.SASL_FAILURE
    assert caught.value.condition == "not-authorized"
    assert caught.value.jid == "user@meet.example"


@pytest.mark.parametrize("credentials", [{"id": "user"}, {"password": PASSWORD}])
async def test_half_of_the_credentials(account_server: Server, credentials: dict[str, str]) -> None:
    connection = JitsiConnection(options=account_server.options)
    events = record(connection)
    with pytest.raises(ConnectionFailedError) as caught:
        await connection.connect(**credentials)
    assert events == [caught.value.failure]
    assert caught.value.code == ConnectionErrorCode.CREDENTIALS_INCOMPLETE
    assert not caught.value.transient


async def test_id_and_password_are_keywords(account_server: Server) -> None:
    connection = JitsiConnection(options=account_server.options)
    with pytest.raises(TypeError, match="positional"):
        connection.connect("user", PASSWORD)  # type: ignore[call-arg]


async def test_a_token_lets_its_bearer_in(token_server: Server) -> None:
    async with JitsiConnection(token=make_token(), options=token_server.options).connect():
        pass
    with pytest.raises(ConnectionFailedError) as caught:
        await JitsiConnection(options=token_server.options).connect()
    assert caught.value.server_text == "token required"


async def test_a_token_for_an_idle_connection_is_kept_for_the_next_attempt(token_server: Server) -> None:
    connection = JitsiConnection(token="expired", options=token_server.options)
    await connection.refresh_token(make_token())
    async with connection.connect():
        pass


async def test_a_new_token_resumes_the_session_and_returns_behind_the_events(token_server: Server) -> None:
    connection = JitsiConnection(token=make_token(), options=token_server.options)
    jid = await connection.connect()
    events = record(connection)
    await connection.refresh_token(make_token())
    resumed, established = events
    assert isinstance(resumed, ConnectionResumed)
    assert established == ConnectionEstablished(jid.partition("/")[2], resumed=True)
    assert connection.jid == jid
    await connection.disconnect()


async def test_a_session_that_cannot_be_resumed_is_set_up_afresh_with_a_new_token(
    token_server: Server,
) -> None:
    connection = JitsiConnection(
        token=make_token(), options=token_server.options, enable_websocket_resume=False
    )
    await connection.connect()
    events = record(connection)
    await connection.refresh_token(make_token())
    assert connection.jid is not None
    assert events == [ConnectionEstablished(connection.jid.partition("/")[2], reconnected=True)]
    await connection.disconnect()


async def test_a_refused_token_is_raised_and_the_session_goes_on(token_server: Server) -> None:
    connection = JitsiConnection(token=make_token(), options=token_server.options)
    await connection.connect()
    events = record(connection)
    with pytest.raises(ConnectionFailedError) as caught:
        await connection.refresh_token(make_token("another secret"))
    assert caught.value.server_text == "Invalid signature"
    await connection.send_stanza("<presence/>")
    assert events == []
    await connection.disconnect()


async def test_a_newer_token_or_the_end_overtakes_the_one_under_way(token_server: Server) -> None:
    connection = JitsiConnection(token=make_token(), options=token_server.options)
    await connection.connect()
    token_server.command("faults", resume="silent")
    first = asyncio.create_task(connection.refresh_token(make_token()))
    second = asyncio.create_task(connection.refresh_token(make_token()))
    with pytest.raises(AbortedError):
        await first
    assert not second.done()
    await connection.disconnect()
    with pytest.raises(AbortedError):
        await second


async def test_a_token_is_refused_by_the_call_while_disconnecting(token_server: Server) -> None:
    token_server.command("faults", stream="no_close")
    connection = JitsiConnection(token=make_token(), options=token_server.options, disconnect_timeout=100)
    await connection.connect()
    disconnected, refused = await asyncio.gather(
        connection.disconnect(), connection.refresh_token(make_token()), return_exceptions=True
    )
    assert disconnected is None
    assert isinstance(refused, InvalidStateError)


async def test_cancelling_gives_up_waiting_and_not_the_new_token(token_server: Server) -> None:
    connection = JitsiConnection(token=make_token(), options=token_server.options)
    await connection.connect()
    refreshing = asyncio.create_task(connection.refresh_token(make_token()))
    await asyncio.sleep(0)
    refreshing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await refreshing
    await next_event(connection, ConnectionEvent.RESUMED)
    await connection.send_stanza("<presence/>")
    await connection.disconnect()
    gc.collect()


SECRET = "correct horse battery staple"


def everything_about(error: BaseException | None) -> str:
    """Return all that a logger, a debugger or a bug report would show."""
    seen = ""
    while error is not None:
        seen += f"{error} {error!r} {vars(error)} {''.join(traceback.format_exception(error))}"
        error = error.__cause__ or error.__context__
    return seen


@pytest.mark.parametrize("damage", ["", "\ud800", "\x00"])
async def test_no_exception_and_no_repr_shows_a_password(account_server: Server, damage: str) -> None:
    connection = JitsiConnection(options=account_server.options)
    events = record(connection)
    with pytest.raises((ConnectionFailedError, ValueError)) as caught:
        await connection.connect(id="user", password=SECRET + damage)
    assert SECRET not in everything_about(caught.value)
    assert SECRET not in repr((connection, events))


@pytest.mark.parametrize("damage", ["", "\ud800", "\x00"])
async def test_no_exception_and_no_repr_shows_a_token(token_server: Server, damage: str) -> None:
    connection = JitsiConnection(token=make_token(), options=token_server.options)
    events = record(connection)
    await connection.connect()
    refreshing = connection.refresh_token(SECRET + damage)
    shown = repr(refreshing)
    with pytest.raises((ConnectionFailedError, ValueError)) as caught:
        await refreshing
    shown += everything_about(caught.value)
    await connection.disconnect()
    shown += repr((connection, events))
    with pytest.raises((ConnectionFailedError, ValueError)) as caught:
        await JitsiConnection(token=SECRET + damage, options=token_server.options).connect()
    shown += everything_about(caught.value)
    assert SECRET not in shown


@pytest.mark.parametrize("secret", [SECRET.encode(), [SECRET]])
async def test_a_secret_of_the_wrong_type_is_a_type_error_that_does_not_show_it(
    server: Server, secret: Any
) -> None:
    connection = JitsiConnection(options=server.options)
    with pytest.raises(TypeError, match="'str'") as wrong_password:
        connection.connect(id="user", password=secret)
    with pytest.raises(TypeError, match="'str'") as wrong_token:
        await connection.refresh_token(secret)
    assert SECRET not in everything_about(wrong_password.value) + everything_about(wrong_token.value)
