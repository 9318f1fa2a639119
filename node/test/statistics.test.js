'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { CONNECTION_ESTABLISHED, happens, startServer } = require('./support.js');

const NOTHING = {
  bytesSent: 0,
  bytesReceived: 0,
  framesSent: 0,
  framesReceived: 0,
  stanzasSent: 0,
  stanzasReceived: 0,
  unacknowledged: 0,
  resumes: 0,
  reconnects: 0,
  queuedEvents: 0,
};

test('statistics count what a connection carries', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  assert.deepEqual(connection.getStatistics(), NOTHING);
  await connection.connectAsync();
  const before = connection.getStatistics();
  assert.ok(before.framesSent > 0 && before.framesReceived > 0, JSON.stringify(before));

  const stanza = `<message to='meet.example'><body>${'x'.repeat(1000)}</body></message>`;
  await connection.sendStanza(stanza);
  const after = connection.getStatistics();
  assert.ok(after.stanzasSent > before.stanzasSent);
  assert.ok(after.framesSent > before.framesSent && after.framesReceived > before.framesReceived);
  assert.ok(after.bytesSent >= before.bytesSent + stanza.length, JSON.stringify([before, after]));
  assert.ok(after.bytesReceived > before.bytesReceived);
  await connection.disconnect();
});

test('statistics go on over attempts, and count how sessions are recovered', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ reconnect: { baseDelay: 1 } });
  await connection.connectAsync();
  const first = connection.getStatistics();
  for (const lose of [() => server.cut(), () => server.restart()]) {
    const established = happens(connection, CONNECTION_ESTABLISHED);
    await lose();
    await established;
  }
  const { resumes, reconnects, framesSent } = connection.getStatistics();
  assert.deepEqual({ resumes, reconnects }, { resumes: 1, reconnects: 1 });
  assert.ok(framesSent > first.framesSent);
  await connection.disconnect();
  assert.ok(connection.getStatistics().framesSent > framesSent);
});

test('what waits for the listeners is counted', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const outcomes = [connection.disconnect(), connection.disconnect()];
  assert.equal(connection.getStatistics().queuedEvents, 2);
  await Promise.all(outcomes);
  assert.equal(connection.getStatistics().queuedEvents, 0);
});
