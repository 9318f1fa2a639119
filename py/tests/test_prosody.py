"""The same against a real server."""

from __future__ import annotations

import pytest

from conftest import PASSWORD, Server, next_event, record, record_stanzas
from jitsimeet import (
    ConnectionDisconnected,
    ConnectionErrorCode,
    ConnectionEstablished,
    ConnectionEvent,
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


ACCOUNTS_DOMAIN = "accounts.localhost"


async def test_an_account_sends_receives_and_asks(prosody: Server) -> None:
    options = {**prosody.options, "hosts": {"domain": ACCOUNTS_DOMAIN}}
    sender, receiver = JitsiConnection(options=options), JitsiConnection(options=options)
    async with (
        sender.connect(id="user", password=PASSWORD),
        receiver.connect(id=f"user@{ACCOUNTS_DOMAIN}/desk", password=PASSWORD),
    ):
        assert receiver.jid == f"user@{ACCOUNTS_DOMAIN}/desk"
        stanzas = record_stanzas(receiver)
        await sender.send_stanza(f"<message to='{receiver.jid}' type='chat'><body>hi</body></message>")
        # Through the other session, so that the answer comes behind the stanza.
        assert "type='error'" in await sender.send_iq(
            f"<iq type='get' to='{receiver.jid}'><query xmlns='urn:example'/></iq>"
        )
        message = stanzas[0]
        assert (message.name, message.type, message.from_) == ("message", "chat", sender.jid)
        assert "<body>hi</body>" in message.xml


async def test_a_wrong_password(prosody: Server) -> None:
    options = {**prosody.options, "hosts": {"domain": ACCOUNTS_DOMAIN}}
    with pytest.raises(ConnectionFailedError) as caught:
        await JitsiConnection(options=options).connect(id="user", password="pencils")
    assert caught.value.code == ConnectionErrorCode.SASL_FAILURE


@pytest.mark.parametrize(
    ("domain", "credentials"),
    [("localhost", {}), (ACCOUNTS_DOMAIN, {"id": "user", "password": PASSWORD})],
)
async def test_a_cut_connection_is_resumed(
    prosody: Server, proxy: Server, domain: str, credentials: dict[str, str]
) -> None:
    service_url = f"ws://localhost:{proxy.about['port']}/xmpp-websocket"
    connection = JitsiConnection(service_url=service_url, hosts={"domain": domain})
    jid = await connection.connect(**credentials)
    events = record(connection)
    proxy.command("cut")
    await next_event(connection, ConnectionEvent.CONNECTION_ESTABLISHED)
    assert [event.kind for event in events] == [
        ConnectionEvent.INTERRUPTED,
        ConnectionEvent.RESUMED,
        ConnectionEvent.CONNECTION_ESTABLISHED,
    ]
    assert connection.jid == jid
    await connection.send_iq(f"<iq type='get' to='{domain}'><ping xmlns='urn:xmpp:ping'/></iq>")
    await connection.disconnect()
