'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  INTERRUPTED,
  RESUMED,
  STANZA_RECEIVED,
  happens,
  record,
  startProsody,
  startProxy,
} = require('./support.js');

const ACCOUNT = { id: 'user@accounts.localhost', password: 'pencil' };

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

test('guests and accounts of Prosody survive a drop', async (t) => {
  const prosody = await startProsody(t);
  if (prosody === undefined) {
    return;
  }
  const proxy = await startProxy(t, prosody.plain);
  const guest = proxy.connection();
  const account = proxy.connection();
  await guest.connectAsync();
  const to = await account.connectAsync(ACCOUNT);
  assert.match(to, /^user@accounts\.localhost\//);

  const seen = [guest, account].map(record);
  const received = happens(account, STANZA_RECEIVED);
  const established = [guest, account].map((connection) => happens(connection, CONNECTION_ESTABLISHED));
  await proxy.cut();
  for (const [, session] of await Promise.all(established)) {
    assert.deepEqual(session, { resumed: true, reconnected: false });
  }
  assert.deepEqual(seen, Array(2).fill([INTERRUPTED, RESUMED, CONNECTION_ESTABLISHED]));

  await guest.sendStanza(`<message to='${to}' id='m1'><body>still there</body></message>`);
  const [xml, { id, from }] = await received;
  assert.match(xml, /still there/);
  assert.deepEqual([id, from], ['m1', guest.getJid()]);
  const answer = await account.sendIq("<iq type='get' to='accounts.localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
  assert.match(answer, /\btype=['"]result['"]/);
  await Promise.all([guest.disconnect(), account.disconnect()]);
});

test('Prosody refuses a wrong password', async (t) => {
  const prosody = await startProsody(t);
  if (prosody !== undefined) {
    const refused = { code: 'sasl_failure', errorType: 'connection.passwordRequired' };
    await assert.rejects(prosody.plain.connection().connectAsync({ ...ACCOUNT, password: 'wrong' }), refused);
  }
});
