'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  INTERRUPTED,
  happens,
  startServer,
} = require('./support.js');

/** The state at each event from now on. */
function recordStates(connection) {
  const states = [];
  for (const event of [CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED]) {
    connection.addEventListener(event, () => states.push(connection.getState()));
  }
  return states;
}

test('the state goes with the life of a connection', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ disconnectTimeout: 500 });
  const states = recordStates(connection);
  assert.equal(connection.getState(), 'idle');
  const established = happens(connection, CONNECTION_ESTABLISHED);
  connection.connect();
  assert.equal(connection.getState(), 'connecting');
  await established;

  const interrupted = happens(connection, INTERRUPTED);
  await server.faults({ upgrade: 'refuse' });
  await server.cut();
  await interrupted;
  assert.equal(connection.getState(), 'interrupted');
  const again = happens(connection, CONNECTION_ESTABLISHED);
  // So that it takes its time to disconnect.
  await server.faults({ stream: 'no_close' });
  await again;

  const disconnected = connection.disconnect();
  assert.equal(connection.getState(), 'disconnecting');
  await disconnected;
  assert.equal(connection.getState(), 'idle');
  assert.deepEqual(states, ['connected', 'connected', 'idle']);
});

test('a connection that fails is idle when its listener hears of it', async (t) => {
  const server = await startServer(t);
  await server.faults({ upgrade: 'refuse' });
  const connection = server.connection();
  const states = recordStates(connection);
  await assert.rejects(connection.connectAsync());
  assert.deepEqual(states, ['idle']);
});
