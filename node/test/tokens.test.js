'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_TOKEN_EXPIRED,
  INTERRUPTED,
  RESUMED,
  happens,
  jsonWebToken,
  record,
  startServer,
  status,
} = require('./support.js');

const SECRET = 'a secret that signs';
const TOKEN = jsonWebToken(SECRET);
const FORGED = jsonWebToken('another secret');

function startServerWithTokens(t) {
  return startServer(t, '--token-secret', SECRET);
}

/** What a refused token rejects with. */
const REFUSED = {
  name: 'JitsiError',
  status: 'connection_failed',
  code: 'sasl_failure',
  errorType: 'connection.passwordRequired',
  serverText: 'Invalid signature',
};

test('refreshToken of an idle connection concerns the next attempt', async (t) => {
  const server = await startServerWithTokens(t);
  const connection = server.connection();
  await assert.rejects(connection.connectAsync(), { code: 'sasl_failure', serverText: 'token required' });
  const seen = record(connection);
  assert.equal(await connection.refreshToken(TOKEN), undefined);
  assert.deepEqual(seen, []);
  await connection.connectAsync();
  await connection.disconnect();
});

test('refreshToken while connecting starts the attempt again', async (t) => {
  const server = await startServerWithTokens(t);
  await server.faults({ upgrade: 'silent' });
  const connection = server.connection({}, FORGED);
  const seen = record(connection);
  const connecting = connection.connectAsync();
  await server.hasConnections(1);
  await server.faults({});
  await connection.refreshToken(TOKEN);
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED]);
  assert.equal(await connecting, connection.getJid());
  await connection.disconnect();
});

test('refreshToken resumes the session with the new token', async (t) => {
  const server = await startServerWithTokens(t);
  const connection = server.connection({}, TOKEN);
  const jid = await connection.connectAsync();
  const seen = record(connection);
  const established = happens(connection, CONNECTION_ESTABLISHED);
  await connection.refreshToken(jsonWebToken(SECRET));
  assert.deepEqual(seen, [RESUMED, CONNECTION_ESTABLISHED], 'the promise resolves after the event');
  assert.deepEqual((await established)[1], { resumed: true, reconnected: false });
  assert.equal(connection.getJid(), jid);
  await connection.disconnect();
});

test('a token that the server refuses rejects with its words, and the session goes on', async (t) => {
  const server = await startServerWithTokens(t);
  const connection = server.connection({}, TOKEN);
  const jid = await connection.connectAsync();
  const seen = record(connection);
  await assert.rejects(connection.refreshToken(FORGED), REFUSED);
  await connection.sendStanza('<presence/>');
  assert.equal(connection.getJid(), jid);
  assert.deepEqual(seen, []);
  await connection.disconnect();
});

test('refreshToken while interrupted resumes at once', async (t) => {
  const server = await startServerWithTokens(t);
  const connection = server.connection({ resume: { minDelay: 10_000 } }, TOKEN);
  await connection.connectAsync();
  const interrupted = happens(connection, INTERRUPTED);
  await server.faults({ upgrade: 'refuse' });
  await server.cut();
  await interrupted;
  await server.hasConnections(2);
  await server.faults({});
  const before = performance.now();
  await connection.refreshToken(TOKEN);
  assert.ok(performance.now() - before < 5000, 'it waited for the next attempt');
  await connection.disconnect();
});

test('refreshToken while disconnecting is refused', async (t) => {
  const server = await startServerWithTokens(t);
  await server.faults({ stream: 'no_close' });
  const connection = server.connection({ disconnectTimeout: 300 }, TOKEN);
  await connection.connectAsync();
  const disconnected = connection.disconnect();
  await assert.rejects(connection.refreshToken(TOKEN), status('invalid_state'));
  await disconnected;
});

test('a disconnect overtakes refreshToken', async (t) => {
  const server = await startServerWithTokens(t);
  const connection = server.connection({}, TOKEN);
  await connection.connectAsync();
  const seen = record(connection);
  await server.faults({ upgrade: 'silent' });
  const refreshed = connection.refreshToken(TOKEN);
  await server.hasConnections(2);
  await connection.disconnect();
  await assert.rejects(refreshed, status('aborted'));
  assert.deepEqual(seen, [CONNECTION_DISCONNECTED]);
});

test('a session whose token has expired waits for a new one', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({}, jsonWebToken(SECRET, -60));
  const jid = await connection.connectAsync();
  const seen = record(connection);
  const expired = happens(connection, CONNECTION_TOKEN_EXPIRED);
  await server.cut();
  assert.deepEqual(await expired, []);
  assert.equal(connection.getState(), 'interrupted');
  await connection.refreshToken(TOKEN);
  assert.deepEqual(seen, [INTERRUPTED, CONNECTION_TOKEN_EXPIRED, RESUMED, CONNECTION_ESTABLISHED]);
  assert.equal(connection.getJid(), jid);
  await connection.disconnect();
});
