'use strict';

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const test = require('node:test');

const { JitsiError, shutdown } = require('jitsimeet');
const { CONNECTION_DISCONNECTED, CONNECTION_ESTABLISHED, record, run, soon, startServer } = require('./support.js');

/** What `assert.rejects` compares a JitsiError with. */
const failure = (code) => (error) => {
  assert.ok(error instanceof JitsiError, error);
  assert.equal(error.code, code);
  return true;
};

test('connectAsync resolves with the JID after the event', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  const jid = await connection.connectAsync();
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED]);
  assert.equal(jid, connection.getJid());
  await connection.disconnect();
});

test('connectAsync rejects while not idle and leaves the session alone', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  await connection.connectAsync();
  await assert.rejects(connection.connectAsync(), failure('invalid_state'));
  await connection.disconnect();
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
});

test('disconnect gives up the attempt under way', async (t) => {
  const server = await startServer(t);
  await server.faults({ stream: 'silent' });
  const connection = server.connection();
  const seen = record(connection);
  const connecting = connection.connectAsync();
  await Promise.all([connection.disconnect(), connection.disconnect()]);
  assert.deepEqual(seen, [CONNECTION_DISCONNECTED]);
  await assert.rejects(connecting, failure('aborted'));
});

test('disconnect of an idle connection resolves without an event', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const seen = record(connection);
  await connection.disconnect();
  assert.deepEqual(seen, []);
});

test('many outcomes at once are delivered in turns that let the program go on', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  let turns = 0;
  const countTurns = () => {
    turns += 1;
  };
  const calls = Array.from({ length: 1000 }, () => connection.disconnect().then(() => setImmediate(countTurns)));
  await soon(Promise.all(calls), 'all outcomes');
  assert.ok(turns > 0, 'the event loop never turned');
});

test('an aborted signal ends the attempt and rejects with its reason', async (t) => {
  const server = await startServer(t);
  await server.faults({ stream: 'silent' });
  const connection = server.connection();
  const seen = record(connection);
  const controller = new AbortController();
  const connecting = connection.connectAsync(null, { signal: controller.signal });
  const reason = new Error('changed my mind');
  controller.abort(reason);
  await assert.rejects(connecting, reason);
  assert.deepEqual(seen, [CONNECTION_DISCONNECTED]);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
});

test('a signal that is aborted beforehand prevents the attempt', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const signal = AbortSignal.abort();
  await assert.rejects(connection.connectAsync(null, { signal }), signal.reason);
  assert.equal(await server.connections(), 0);
});

test('a settled connectAsync does not listen to its signal any more', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const controller = new AbortController();
  const { signal } = controller;
  await connection.connectAsync(null, { signal });
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  await assert.rejects(connection.connectAsync(null, { signal }), failure('invalid_state'));
  assert.equal(getEventListeners(signal, 'abort').length, 0);

  controller.abort();
  await server.hasSessions(1);
  await connection.disconnect();
});

test('what is no signal is refused', async (t) => {
  const server = await startServer(t);
  const refused = { name: 'TypeError', code: 'invalid_argument', message: /signal/ };
  await assert.rejects(server.connection().connectAsync(null, { signal: {} }), refused);
});

test('an account is refused instead of ignored', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const refused = { name: 'TypeError', code: 'invalid_argument', message: /password/ };
  const account = { id: 'someone@meet.example', password: 'secret' };
  assert.throws(() => connection.connect(account), refused);
  await assert.rejects(connection.connectAsync(account), refused);
  assert.equal(await server.connections(), 0);
});

test('shutdown closes all connections, and afterwards they can be used again', async (t) => {
  const server = await startServer(t);
  const connections = [server.connection(), server.connection()];
  const seen = connections.map(record);
  await Promise.all(connections.map((connection) => connection.connectAsync()));
  await shutdown();
  for (const events of seen) {
    assert.deepEqual(events, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
  }
  await server.hasSessions(0);
  await connections[0].connectAsync();
  await connections[0].disconnect();
});

test('shutdown resolves behind the outcomes that were under way', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  let settled = 0;
  for (let call = 0; call < 5000; call += 1) {
    connection.disconnect().then(() => {
      settled += 1;
    });
  }
  await shutdown();
  assert.equal(settled, 5000);
});

test('shutdown rejects when it had to cut connections off', async (t) => {
  const server = await startServer(t);
  await server.faults({ stream: 'no_close' });
  const connection = server.connection();
  const seen = record(connection);
  await connection.connectAsync();
  await assert.rejects(shutdown({ timeout: 50 }), failure('timeout'));
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
  await assert.rejects(shutdown({ timeout: '5' }), { name: 'TypeError', message: /timeout/ });
});

test('rejections that nobody awaits do no harm', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(await run(t, 'unheard-rejections.cjs', server.environment), {
    status: 0,
    lines: ['went on'],
    stderr: '',
  });
});
