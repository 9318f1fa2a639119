'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { INTERRUPTED, happens, soon, startServer, status } = require('./support.js');

test('ping resolves with how long the answer took', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  await connection.connectAsync();
  for (const timeout of [undefined, null, 10_000]) {
    const before = performance.now();
    const roundTrip = await connection.ping(timeout);
    assert.ok(roundTrip > 0 && roundTrip <= performance.now() - before, `${roundTrip} ms`);
  }
  await connection.disconnect();
});

test('ping without a session rejects', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  await assert.rejects(connection.ping(), status('not_connected'));
  await connection.connectAsync();
  await connection.disconnect();
  await assert.rejects(connection.ping(), status('not_connected'));
});

test('ping gives up after its timeout, or that of the option', async (t) => {
  const server = await startServer(t);
  const [patient, impatient] = [server.connection({ iqTimeout: 600_000 }), server.connection({ iqTimeout: 20 })];
  await patient.connectAsync();
  await impatient.connectAsync();
  const interrupted = [patient, impatient].map((connection) => happens(connection, INTERRUPTED));
  await server.faults({ upgrade: 'silent' });
  await server.cut();
  await Promise.all(interrupted);
  for (const call of [patient.ping(20), patient.ping(0), impatient.ping()]) {
    await soon(assert.rejects(call, status('timeout')), 'the timeout');
  }
});
