'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { JitsiConnection } = require('jitsimeet');
const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  happens,
  record,
  soon,
  startServer,
  status,
} = require('./support.js');

test('a connection is established and closed, with events in order', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  const established = happens(connection, CONNECTION_ESTABLISHED);
  assert.equal(connection.getJid(), null);
  assert.equal(connection.connect(), undefined);
  assert.deepEqual(seen, [], 'no event from inside the call');

  const [id, ...session] = await established;
  assert.deepEqual(session, [{ resumed: false, reconnected: false }]);
  assert.match(connection.getJid(), /^[^@/]+@meet\.example\/[^@/]+$/);
  assert.equal(connection.getJid().split('/')[1], id);
  await server.hasSessions(1);

  const disconnected = happens(connection, CONNECTION_DISCONNECTED);
  assert.equal(await connection.disconnect(), undefined);
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED], 'the promise resolves after the event');
  assert.deepEqual(await disconnected, [undefined]);
  await server.hasSessions(0);
});

test('connection times are on the clock of performance.now(), in their order', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  assert.deepEqual(connection.getConnectionTimes(), {});
  const before = performance.now();
  await connection.connectAsync();
  await connection.disconnect();
  const after = performance.now();

  const { round_trips: roundTrips, ...times } = connection.getConnectionTimes();
  assert.equal(roundTrips, 4);
  const phases = ['connecting', 'dns', 'tcp', 'upgrade', 'authenticating', 'authenticated', 'bound', 'connected'];
  const names = [...phases, 'disconnecting', 'disconnected'];
  assert.deepEqual(Object.keys(times).sort(), names.toSorted());
  let last = before;
  for (const name of names) {
    assert.ok(times[name] >= last && times[name] <= after, `${name}: ${times[name]}`);
    last = times[name];
  }
});

test('connect while not idle throws and opens no second socket', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const refused = status('invalid_state');
  const established = happens(connection, CONNECTION_ESTABLISHED);
  connection.connect();
  assert.throws(() => connection.connect(), refused);
  await established;
  assert.throws(() => connection.connect(), refused);
  assert.equal(await server.connections(), 1);
  await connection.disconnect();
});

test('a connection can be used again', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const first = await connection.connectAsync();
  await connection.disconnect();
  const second = await connection.connectAsync();
  assert.notEqual(first, second);
  await connection.disconnect();
});

test('connect works from inside the listener of a failure', async (t) => {
  const server = await startServer(t);
  await server.faults({ upgrade: 'refuse' });
  const connection = server.connection();
  const seen = record(connection);
  connection.addEventListener(CONNECTION_FAILED, async () => {
    await server.faults({});
    connection.connect();
  });
  const established = happens(connection, CONNECTION_ESTABLISHED);
  connection.connect();
  await established;
  assert.deepEqual(seen, [CONNECTION_FAILED, CONNECTION_ESTABLISHED]);
  await connection.disconnect();
});

test('an attempt may start before the end of the last one was delivered', async (t) => {
  const server = await startServer(t);
  await server.faults({ upgrade: 'refuse' });
  const connection = server.connection();
  const seen = record(connection);
  connection.connect();
  const deadline = performance.now() + 10_000;
  for (let idle = false; !idle; ) {
    try {
      connection.connect();
      idle = true;
    } catch (error) {
      assert.equal(error.code, 'invalid_state');
      assert.ok(performance.now() < deadline, 'the first attempt does not end');
    }
  }
  assert.deepEqual(seen, []);
  const both = new Promise((resolve) => {
    connection.addEventListener(CONNECTION_FAILED, () => seen.length === 2 && resolve());
  });
  await soon(both, 'the end of both attempts');
  assert.deepEqual(seen, [CONNECTION_FAILED, CONNECTION_FAILED]);
});

test('a session that the server closes fails as dropped', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const jid = await connection.connectAsync();
  const failed = happens(connection, CONNECTION_FAILED);
  await server.close();
  const [type, , credentials, { code }] = await failed;
  assert.deepEqual([type, credentials, code], ['connection.droppedError', { jid }, 'closed_by_server']);
});

test('a hundred connections at once are established and closed', async (t) => {
  const server = await startServer(t);
  const connections = Array.from({ length: 100 }, () => server.connection());
  const seen = connections.map(record);
  const jids = await soon(Promise.all(connections.map((connection) => connection.connectAsync())), 'all of them');
  assert.equal(new Set(jids).size, 100);
  await server.hasSessions(100);
  await soon(Promise.all(connections.map((connection) => connection.disconnect())), 'all of them to close');
  for (const events of seen) {
    assert.deepEqual(events, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
  }
});

test('a token that is not text is refused', () => {
  const refused = { name: 'TypeError', code: 'invalid_argument', message: /token/ };
  assert.throws(() => new JitsiConnection(null, 5, {}), refused);
});
