'use strict';

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const test = require('node:test');

const { shutdown } = require('jitsimeet');
const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  record,
  run,
  soon,
  startServer,
  status,
} = require('./support.js');

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
  await assert.rejects(connection.connectAsync(), status('invalid_state'));
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
  await assert.rejects(connecting, status('aborted'));
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
  await assert.rejects(connection.connectAsync(null, { signal }), status('invalid_state'));
  assert.equal(getEventListeners(signal, 'abort').length, 0);

  controller.abort();
  await server.hasSessions(1);
  await connection.disconnect();
});

test('a wrong argument rejects the promise and is named', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const calls = [
    [connection.connectAsync(null, { signal: {} }), /signal/],
    [connection.connectAsync(null, 'signal'), /connectAsync/],
    [connection.refreshToken(5), /token/],
    [connection.refreshToken(), /token/],
    [connection.sendStanza(null), /xml/],
    [connection.sendIq({}), /xml/],
    [connection.sendIq('<iq/>', 500), /sendIq/],
    [connection.sendIq('<iq/>', { timeout: -1 }), /timeout/],
    [connection.sendIq('<iq/>', { timeout: '500' }), /timeout/],
    [connection.ping(-1), /timeout/],
    [connection.ping('500'), /timeout/],
    [connection.ping({ timeout: 500 }), /timeout/],
    [connection.sendConferenceRequest(), /room/],
    [connection.sendConferenceRequest(['room']), /room/],
    [connection.sendConferenceRequest(''), /room/],
    [connection.sendConferenceRequest('room@conference.meet.example'), /room/],
    [connection.connectAsync({ name: 'no room' }), /room/],
    [shutdown({ timeout: '5' }), /timeout/],
    [shutdown(5), /shutdown/],
  ];
  for (const [call, message] of calls) {
    await assert.rejects(call, { name: 'TypeError', status: 'invalid_argument', code: 'invalid_argument', message });
  }
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
  await assert.rejects(shutdown({ timeout: 50 }), status('timeout'));
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
});

test('rejections that nobody awaits do no harm', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(await run(t, 'unheard-rejections.cjs', server.environment), {
    status: 0,
    lines: ['went on'],
    stderr: '',
  });
});
