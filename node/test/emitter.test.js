'use strict';

// What programs written for an EventEmitter expect.

const assert = require('node:assert/strict');
const { once, on } = require('node:events');
const test = require('node:test');

const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  INTERRUPTED,
  STANZA_RECEIVED,
  happens,
  soon,
  startServer,
} = require('./support.js');

test('on, once and off can be chained, and what was added for once is called once', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const called = [];
  const removed = () => called.push('removed');
  const kept = () => called.push('kept');
  connection
    .on(CONNECTION_ESTABLISHED, kept)
    .once(CONNECTION_ESTABLISHED, () => called.push('once'))
    .once(CONNECTION_ESTABLISHED, removed)
    .on(CONNECTION_ESTABLISHED, removed)
    .off(CONNECTION_ESTABLISHED, removed)
    .removeListener(CONNECTION_ESTABLISHED, removed);
  await connection.connectAsync();
  await connection.disconnect();
  await connection.connectAsync();
  await connection.disconnect();
  assert.deepEqual(called, ['kept', 'once', 'kept']);
});

test('a listener is called with the connection as this, as that of an EventEmitter is', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const self = new Promise((resolve) => {
    connection.once(CONNECTION_ESTABLISHED, function () {
      resolve(this);
    });
  });
  connection.connect();
  assert.equal(await soon(self, 'the listener'), connection);
  await connection.disconnect();
});

test('once of node:events resolves with the arguments and leaves no listener behind', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const established = soon(once(connection, CONNECTION_ESTABLISHED), 'the event');
  connection.connect();
  const [id, session] = await established;
  assert.ok(connection.getJid().endsWith(`/${id}`));
  assert.deepEqual(session, { resumed: false, reconnected: false });
  const stanza = once(connection, STANZA_RECEIVED);
  await server.deliver(connection.getJid(), "<message xmlns='jabber:client' from='meet.example'/>");
  await soon(stanza, 'a stanza');
  await server.deliver(connection.getJid(), "<message xmlns='jabber:client' from='meet.example'/>");
  await connection.ping();
  assert.equal(connection.getStatistics().queuedEvents, 0);
  await connection.disconnect();
});

test('once of node:events can be given up', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const controller = new AbortController();
  const interrupted = once(connection, INTERRUPTED, { signal: controller.signal });
  controller.abort();
  await assert.rejects(interrupted, { name: 'AbortError' });
});

test('on of node:events iterates', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const ended = happens(connection, CONNECTION_DISCONNECTED);
  const iterator = on(connection, CONNECTION_ESTABLISHED);
  connection.connect();
  for await (const [id] of iterator) {
    assert.ok(connection.getJid().endsWith(`/${id}`));
    break;
  }
  connection.disconnect();
  await ended;
});
