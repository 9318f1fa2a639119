"""The same against a real server."""

from __future__ import annotations

import pytest

from conftest import Server, record
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionErrorCode,
    ConnectionEstablished,
    ConnectionFailedError,
    JitsiConnection,
)


@pytest.mark.parametrize("url", ["serviceUrl", "secureServiceUrl"])
async def test_connect_and_disconnect(prosody: Server, url: str) -> None:
    connection = JitsiConnection(options=prosody.options_for(prosody.about[url]))
    events = record(connection)
    async with connection.connect():
        jid = connection.jid
        assert jid is not None
        assert f"@{prosody.about['domain']}/" in jid
    assert events == [ConnectionEstablished(jid.partition("/")[2]), ConnectionDisconnected()]


async def test_a_certificate_that_is_not_trusted(prosody: Server) -> None:
    options = prosody.options_for(prosody.about["secureServiceUrl"])
    with pytest.raises(ConnectionFailedError) as caught:
        await JitsiConnection(options={**options, "tls": {}}).connect()
    assert caught.value.code == ConnectionErrorCode.TLS_CERTIFICATE


async def test_a_domain_that_the_server_does_not_serve(prosody: Server) -> None:
    options = prosody.options_for(prosody.about["serviceUrl"])
    with pytest.raises(ConnectionFailedError) as caught:
        await JitsiConnection(options={**options, "hosts": {"domain": "other.example"}}).connect()
    assert caught.value.code == ConnectionErrorCode.STREAM_ERROR
    assert caught.value.condition == "host-unknown"
