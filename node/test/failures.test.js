'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { JitsiConnection } = require('jitsimeet');
const { CONNECTION_FAILED, RESUMED, happens, record, startHttp, startServer } = require('./support.js');

/** Connects in vain; returns the arguments of the event, of which there must be one. */
async function fails(connection) {
  const seen = record(connection);
  const failed = happens(connection, CONNECTION_FAILED);
  connection.connect();
  const args = await failed;
  // Of an idle connection this is answered behind everything that is still to come.
  await connection.disconnect();
  assert.deepEqual(seen, [CONNECTION_FAILED]);
  return args;
}

const CASES = [
  ['a server that refuses the upgrade', { upgrade: 'refuse' }, 'connection.serverError', 'http_status'],
  ['a server without the subprotocol', { upgrade: 'no_subprotocol' }, 'connection.otherError', 'bad_subprotocol'],
  ['a server that speaks something else', { upgrade: 'not_http' }, 'connection.otherError', 'not_websocket'],
  ['a server that never upgrades', { upgrade: 'silent' }, 'connection.otherError', 'timeout_connect'],
  ['a server that never answers', { stream: 'silent' }, 'connection.otherError', 'timeout_login'],
  ['a server that refuses the login', { stream: 'refuse_auth' }, 'connection.passwordRequired', 'sasl_failure'],
];

for (const [name, faults, type, code] of CASES) {
  test(`${name} is one failure with its code`, async (t) => {
    const server = await startServer(t);
    await server.faults(faults);
    const connection = server.connection({ loginTimeout: 300, transport: { connectTimeout: 300 } });
    const [errorType, message, , details] = await fails(connection);
    assert.deepEqual([errorType, details.code], [type, code]);
    assert.match(message, /\S+ \S+/);
  });
}

/** The details but for how long the server was silent, which must be a time of less than a minute. */
function withoutSilence({ time_since_last_success: silence, ...details }) {
  assert.ok(silence >= 0 && silence < 60_000, `${silence} ms`);
  return details;
}

test('the details carry what the server said', async (t) => {
  const server = await startServer(t);
  await server.faults({ upgrade: 'refuse', status: 502 });
  const [, , , http] = await fails(server.connection());
  assert.deepEqual(http, { code: 'http_status', transient: true, http_status: 502 });

  await server.faults({ stream: 'refuse_auth' });
  const [, , , sasl] = await fails(server.connection());
  assert.deepEqual(withoutSilence(sasl), {
    code: 'sasl_failure',
    transient: false,
    condition: 'not-allowed',
    server_text: 'token required',
  });
});

test('a port where nobody listens is one failure: refused', async () => {
  const options = { serviceUrl: 'ws://127.0.0.1:1/xmpp-websocket', hosts: { domain: 'meet.example' } };
  const [type, message, credentials, details] = await fails(new JitsiConnection(null, null, options));
  assert.equal(type, 'connection.otherError');
  assert.match(message, /127\.0\.0\.1:1/);
  assert.equal(credentials, undefined);
  assert.deepEqual(details, { code: 'refused', transient: true });
});

test('a name that nobody knows is one failure: dns', async () => {
  const options = { serviceUrl: 'ws://nobody.invalid/xmpp-websocket', hosts: { domain: 'meet.example' } };
  const [, message, , { code }] = await fails(new JitsiConnection(null, null, options));
  assert.equal(code, 'dns');
  assert.match(message, /nobody\.invalid/);
});

test('a certificate is trusted only from an authority that the caller names', async (t) => {
  const server = await startServer(t, '--tls');
  const [, , , { code }] = await fails(server.connection({ tls: null }));
  assert.equal(code, 'tls_certificate');

  const connection = server.connection();
  await connection.connectAsync();
  const { tcp, tls, upgrade } = connection.getConnectionTimes();
  assert.ok(tcp < tls && tls < upgrade);
  await connection.disconnect();
});

test('a failure comes as an error of the promise too, with the same fields', async (t) => {
  const server = await startServer(t);
  await server.faults({ stream: 'refuse_auth' });
  const connection = server.connection();
  const seen = record(connection);
  await assert.rejects(connection.connectAsync(), (error) => {
    assert.deepEqual(seen, [CONNECTION_FAILED], 'the promise rejects after the event');
    const { timeSinceLastSuccess, ...fields } = error;
    assert.ok(timeSinceLastSuccess >= 0, `${timeSinceLastSuccess} ms`);
    assert.deepEqual(fields, {
      status: 'connection_failed',
      code: 'sasl_failure',
      errorType: 'connection.passwordRequired',
      transient: false,
      condition: 'not-allowed',
      serverText: 'token required',
    });
    assert.match(error.message, /token required/);
    return true;
  });
});

/** Meets another shard when the session goes on after a cut; returns the arguments of the failure. */
async function changesShard(t, options) {
  const server = await startServer(t);
  const health = await startHttp(t, (_, response) => response.setHeader('x-jitsi-shard', 'new').end());
  const deploymentInfo = { shard: 'old' };
  const connection = server.connection({ deploymentInfo, websocketKeepAliveUrl: health, ...options });
  await connection.connectAsync();
  const [resumed, failed] = [happens(connection, RESUMED), happens(connection, CONNECTION_FAILED)];
  await server.cut();
  await resumed;
  const [type, , , details] = await failed;
  return [type, withoutSilence(details)];
}

test('the details say that the shard has changed', async (t) => {
  const details = { code: 'shard_changed', transient: true, shard_changed: true };
  assert.deepEqual(await changesShard(t), ['connection.otherError', details]);
  const testing = { enableGracefulReconnect: true };
  assert.deepEqual(await changesShard(t, { testing }), ['connection.shardChangedError', details]);
});
