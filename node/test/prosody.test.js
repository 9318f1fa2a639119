'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { CONNECTION_DISCONNECTED, CONNECTION_ESTABLISHED, record, startProsody } = require('./support.js');

async function connectsTo(server) {
  const connection = server.connection();
  const seen = record(connection);
  const jid = await connection.connectAsync();
  assert.match(jid, new RegExp(`^[^@/]+@${server.domain}/[^/]+$`));
  await connection.disconnect();
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
}

test('a connection to Prosody, over ws: and over wss: with its authority', async (t) => {
  const prosody = await startProsody(t);
  if (prosody !== undefined) {
    await connectsTo(prosody.plain);
    await connectsTo(prosody.secure);
  }
});
