'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { setNetworkInfo } = require('jitsimeet');
const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  INTERRUPTED,
  RESUMED,
  happens,
  record,
  startServer,
  status,
} = require('./support.js');

/** How a cut is seen: as an end, or as a reset where something was under way. */
const CUT = /^(closed_by_server|connection_lost)$/;

test('a session outlives its transport, and says so', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  const jid = await connection.connectAsync();
  const [interrupted, resumed] = [happens(connection, INTERRUPTED), happens(connection, RESUMED)];
  const established = happens(connection, CONNECTION_ESTABLISHED);
  const before = performance.now();
  await server.cut();

  const [interruption, ...noMore] = await interrupted;
  const { code, message, ...nothing } = interruption;
  assert.deepEqual([noMore, nothing], [[], {}]);
  assert.match(code, CUT);
  assert.match(message, /\S+ \S+/);

  const [resumption, ...noMoreEither] = await resumed;
  const { downtime_ms: downtime, ...counts } = resumption;
  assert.deepEqual([noMoreEither, counts], [[], { attempts: 1, resent: 0 }]);
  assert.ok(downtime > 0 && downtime < performance.now() - before, `${downtime} ms`);

  assert.deepEqual(await established, [jid.split('/')[1], { resumed: true, reconnected: false }]);
  assert.equal(connection.getJid(), jid);
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, INTERRUPTED, RESUMED, CONNECTION_ESTABLISHED]);

  const times = connection.getConnectionTimes();
  assert.ok(times.resumed > before && times.resumed <= performance.now());
  assert.equal(times.round_trips, 3);
  await connection.disconnect();
  await server.hasSessions(0);
});

test('a session that cannot be resumed is a failure', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  await connection.connectAsync();
  const failed = happens(connection, CONNECTION_FAILED);
  await server.restart();
  const [type, , , { code }] = await failed;
  assert.deepEqual([type, code], ['connection.droppedError', 'resume_refused']);
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, INTERRUPTED, CONNECTION_FAILED]);
});

test('without stream management there is nothing to resume', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ enableWebsocketResume: false });
  const seen = record(connection);
  await connection.connectAsync();
  const failed = happens(connection, CONNECTION_FAILED);
  await server.cut();
  const [type, , , { code }] = await failed;
  assert.equal(type, 'connection.droppedError');
  assert.match(code, CUT);
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_FAILED]);
});

test('with reconnect a lost session is followed by a fresh one', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ reconnect: { baseDelay: 1 } });
  const jid = await connection.connectAsync();
  const established = happens(connection, CONNECTION_ESTABLISHED);
  await server.restart();
  const [id, session] = await established;
  assert.deepEqual(session, { resumed: false, reconnected: true });
  assert.notEqual(connection.getJid(), jid);
  assert.equal(connection.getJid().split('/')[1], id);
  await connection.disconnect();
});

test('with reconnect connectAsync settles when it is established, or given up', async (t) => {
  const server = await startServer(t);
  await server.faults({ upgrade: 'refuse' });
  const connection = server.connection({ reconnect: { baseDelay: 1 } });
  const interrupted = happens(connection, INTERRUPTED);
  const connecting = connection.connectAsync();
  await interrupted;
  await server.faults({});
  assert.equal(await connecting, connection.getJid());
  await connection.disconnect();

  await server.faults({ upgrade: 'refuse' });
  const impatient = server.connection({ reconnect: { maxAttempts: 2, baseDelay: 1 } });
  const seen = record(impatient);
  await assert.rejects(impatient.connectAsync(), { status: 'connection_failed', code: 'http_status' });
  assert.deepEqual(seen, [INTERRUPTED, INTERRUPTED, CONNECTION_FAILED]);
});

test('disconnect while interrupted ends the session without another attempt', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  await connection.connectAsync();
  const interrupted = happens(connection, INTERRUPTED);
  await server.faults({ upgrade: 'silent' });
  await server.cut();
  await interrupted;
  assert.throws(() => connection.connect(), status('invalid_state'));
  await connection.disconnect();
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, INTERRUPTED, CONNECTION_DISCONNECTED]);
});

test('without a network no attempt is made, and one as soon as it is back', async (t) => {
  t.after(() => setNetworkInfo({ isOnline: true }));
  const server = await startServer(t);
  const away = server.connection({ resume: { maxElapsed: 400 } });
  await away.connectAsync();
  setNetworkInfo({ isOnline: false });
  const failed = happens(away, CONNECTION_FAILED);
  await server.cut();
  const [, , , { code }] = await failed;
  assert.deepEqual([code, await server.connections()], ['resume_timeout', 1]);

  setNetworkInfo({ isOnline: true });
  const back = server.connection();
  await back.connectAsync();
  setNetworkInfo({ isOnline: false });
  const interrupted = happens(back, INTERRUPTED);
  await server.cut();
  await interrupted;
  const resumed = happens(back, RESUMED);
  setNetworkInfo({ isOnline: true });
  assert.equal((await resumed)[0].attempts, 1);
  await back.disconnect();
});

test('what is no news of the network is refused', () => {
  for (const info of [undefined, null, true, {}, { isOnline: 1 }]) {
    const refused = { name: 'TypeError', code: 'invalid_argument', message: /isOnline/ };
    assert.throws(() => setNetworkInfo(info), refused);
  }
});
