"""Each way to fail is one event and one exception, which say the same."""

from __future__ import annotations

import pickle
import socket
from typing import Any

import pytest

from conftest import TEST_TIMEOUT, Server, next_event, record, web_server
from jitsimeet import (
    ConnectionErrorCode,
    ConnectionErrorType,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionFailedError,
    JitsiConnection,
)


async def failure(**options: Any) -> ConnectionFailedError:
    connection = JitsiConnection(options={"hosts": {"domain": "meet.example"}, **options})
    events = record(connection)
    with pytest.raises(ConnectionFailedError) as caught:
        await connection.connect()
    assert events == [caught.value.failure]
    return caught.value


async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        error = await failure(serviceUrl=f"ws://127.0.0.1:{port}/xmpp-websocket")
    assert error.code == ConnectionErrorCode.REFUSED
    assert error.error_type == ConnectionErrorType.OTHER_ERROR
    assert error.transient
    assert f"127.0.0.1:{port}" in error.message
    assert error.message in str(error)


async def test_what_a_server_that_was_never_heard_leaves_unknown() -> None:
    error = await failure(serviceUrl="ws://no-such-host.invalid/xmpp-websocket")
    assert error.time_since_last_success is None
    assert error.shard_changed is None


async def test_how_long_ago_the_server_was_heard(server: Server) -> None:
    server.command("faults", stream="refuse_auth")
    error = await failure(**server.options)
    assert error.time_since_last_success is not None
    assert 0 <= error.time_since_last_success < TEST_TIMEOUT


@pytest.mark.parametrize(
    ("graceful", "error_type"),
    [(False, ConnectionErrorType.OTHER_ERROR), (True, ConnectionErrorType.SHARD_CHANGED_ERROR)],
)
async def test_a_client_that_was_moved_to_another_shard(
    server: Server, graceful: bool, error_type: ConnectionErrorType
) -> None:
    async with web_server(x_jitsi_shard="two") as web:
        connection = JitsiConnection(
            options=server.options,
            deployment_info={"shard": "one"},
            websocket_keep_alive_url=web.url,
            testing={"enable_graceful_reconnect": graceful},
        )
        await connection.connect()
        # It asks at once after a resumption.
        server.command("cut")
        failed: ConnectionFailed = await next_event(connection, ConnectionEvent.CONNECTION_FAILED)
    assert failed.shard_changed is True
    assert failed.code == ConnectionErrorCode.SHARD_CHANGED
    assert failed.error_type == error_type


async def test_a_name_that_is_not_known() -> None:
    error = await failure(serviceUrl="ws://no-such-host.invalid/xmpp-websocket")
    assert error.code == ConnectionErrorCode.DNS
    assert "no-such-host.invalid" in error.message


async def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        error = await failure(
            serviceUrl=f"ws://127.0.0.1:{mute.getsockname()[1]}/", transport={"connectTimeout": 100}
        )
    assert error.code == ConnectionErrorCode.TIMEOUT_CONNECT


async def test_a_server_that_does_not_log_in(server: Server) -> None:
    server.command("faults", stream="silent")
    error = await failure(**server.options, loginTimeout=100)
    assert error.code == ConnectionErrorCode.TIMEOUT_LOGIN


async def test_an_http_error(server: Server) -> None:
    server.command("faults", upgrade="refuse", status=503)
    error = await failure(**server.options)
    assert error.code == ConnectionErrorCode.HTTP_STATUS
    assert error.error_type == ConnectionErrorType.SERVER_ERROR
    assert error.http_status == 503


async def test_a_server_without_the_subprotocol(server: Server) -> None:
    server.command("faults", upgrade="no_subprotocol")
    error = await failure(**server.options)
    assert error.code == ConnectionErrorCode.BAD_SUBPROTOCOL
    assert not error.transient


async def test_a_domain_that_the_server_does_not_serve(server: Server) -> None:
    error = await failure(**{**server.options, "hosts": {"domain": "other.example"}})
    assert error.code == ConnectionErrorCode.STREAM_ERROR
    assert error.condition == "host-unknown"


async def test_a_certificate_that_is_not_trusted(tls_server: Server) -> None:
    error = await failure(**{**tls_server.options, "tls": {}})
    assert error.code == ConnectionErrorCode.TLS_CERTIFICATE


async def test_a_certificate_of_the_callers_authority(tls_server: Server) -> None:
    connection = JitsiConnection(options=tls_server.options)
    async with connection.connect():
        assert "tls" in connection.get_connection_times()


async def test_a_failure_survives_pickling() -> None:
    error = await failure(serviceUrl="ws://no-such-host.invalid/xmpp-websocket")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.failure) == (str(error), error.failure)
