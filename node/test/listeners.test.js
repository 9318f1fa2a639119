'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { CONNECTION_DISCONNECTED, CONNECTION_ESTABLISHED, run, startServer } = require('./support.js');

test('listeners are called in the order in which they were added, one as often as it was added', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const called = [];
  const listeners = ['a', 'b', 'c'].map((name) => () => called.push(name));
  for (const listener of [...listeners, listeners[0], listeners[1]]) {
    connection.addEventListener(CONNECTION_ESTABLISHED, listener);
  }
  connection.removeEventListener(CONNECTION_ESTABLISHED, listeners[1]);
  connection.removeEventListener(CONNECTION_ESTABLISHED, () => {});
  connection.removeEventListener(CONNECTION_DISCONNECTED, listeners[0]);
  await connection.connectAsync();
  assert.deepEqual(called, ['a', 'b', 'c', 'a']);
  await connection.disconnect();
});

test('adding and removing listeners during an event concerns the next one', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const called = [];
  const removed = () => called.push('removed');
  const added = () => called.push('added');
  connection.addEventListener(CONNECTION_ESTABLISHED, () => {
    connection.addEventListener(CONNECTION_ESTABLISHED, added);
    connection.removeEventListener(CONNECTION_ESTABLISHED, removed);
  });
  connection.addEventListener(CONNECTION_ESTABLISHED, removed);
  await connection.connectAsync();
  assert.deepEqual(called.splice(0), ['removed']);
  await connection.disconnect();
  await connection.connectAsync();
  assert.deepEqual(called, ['added']);
  await connection.disconnect();
});

test('what a listener throws is an uncaught exception, and the others and the connection go on', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(await run(t, 'throwing-listener.cjs', server.environment), {
    status: 0,
    lines: ['second listener', 'uncaught: thrown by a listener', 'disconnected'],
    stderr: '',
  });
});

test('what is no event or no listener is refused', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const refused = { name: 'TypeError', code: 'invalid_argument' };
  assert.throws(() => connection.addEventListener(undefined, () => {}), refused);
  assert.throws(() => connection.addEventListener(CONNECTION_ESTABLISHED, 'listener'), refused);
});
