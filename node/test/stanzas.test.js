'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const {
  CONNECTION_FAILED,
  INTERRUPTED,
  STANZA_RECEIVED,
  happens,
  record,
  soon,
  startServer,
  status,
} = require('./support.js');

const PING = "<iq type='get' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";

/** Two connected clients; the second one's inbox fills with the ids of messages. */
async function startPair(t) {
  const server = await startServer(t);
  const [alice, bob] = [server.connection(), server.connection()];
  await alice.connectAsync();
  const to = await bob.connectAsync();
  const inbox = [];
  const has = (count) => {
    const filled = new Promise((resolve) => {
      bob.addEventListener(STANZA_RECEIVED, () => inbox.length === count && resolve());
    });
    return soon(filled, `${count} messages`);
  };
  bob.addEventListener(STANZA_RECEIVED, (_, { id }) => inbox.push(id));
  return { server, alice, bob, to, inbox, has };
}

test('sendStanza resolves when the server has it, and the addressee gets it', async (t) => {
  const { alice, bob, to } = await startPair(t);
  const received = happens(bob, STANZA_RECEIVED);
  const sent = alice.sendStanza(`<message to='${to}' id='m1' type='chat'><body>1 &lt; 2 ☺</body></message>`);
  assert.equal(await sent, undefined);
  const [xml, stanza, ...nothing] = await received;
  assert.match(xml, /^<message .*<body>1 &lt; 2 ☺<\/body><\/message>$/);
  assert.deepEqual(stanza, { name: 'message', from: alice.getJid(), to, type: 'chat', id: 'm1' });
  assert.deepEqual(nothing, []);
});

test('an attribute that a stanza does not have is missing', async (t) => {
  const { server, bob, to } = await startPair(t);
  const received = happens(bob, STANZA_RECEIVED);
  await server.deliver(to, "<presence xmlns='jabber:client'/>");
  assert.deepEqual(await received, ["<presence xmlns='jabber:client'/>", { name: 'presence' }]);
});

test('what is sent while interrupted arrives in order, once, when the session goes on', async (t) => {
  const { server, alice, to, inbox, has } = await startPair(t);
  const arrived = has(20);
  const interrupted = happens(alice, INTERRUPTED);
  const ids = Array.from({ length: 20 }, (_, number) => `m${number}`);
  const send = (id) => alice.sendStanza(`<message to='${to}' id='${id}'/>`);
  const sent = ids.slice(0, 10).map(send);
  await server.cut();
  await interrupted;
  sent.push(...ids.slice(10).map(send));
  await Promise.all([...sent, arrived]);
  assert.deepEqual(inbox, ids);
});

test('a stanza that cannot be sent rejects with the reason', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ sendQueue: { maxBytes: 100 } });
  const message = '<message to="somebody@meet.example"/>';
  await assert.rejects(connection.sendStanza(message), status('not_connected'));
  await assert.rejects(connection.sendIq(PING), status('not_connected'));
  await connection.connectAsync();
  await assert.rejects(connection.sendStanza('<message>'), status('invalid_stanza'));
  await assert.rejects(connection.sendIq('<message/>'), status('invalid_stanza'));
  await assert.rejects(connection.sendStanza(`<message id='${'x'.repeat(100)}'/>`), status('send_queue_full'));
  await connection.sendStanza(message);
  await connection.disconnect();
  await assert.rejects(connection.sendStanza(message), status('not_connected'));
});

test('a stanza is lost with its session, and who awaits it hears so before the failure', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  await connection.connectAsync();
  const interrupted = happens(connection, INTERRUPTED);
  await server.faults({ upgrade: 'refuse' });
  await server.cut();
  await interrupted;

  const heard = [];
  const failed = happens(connection, CONNECTION_FAILED);
  connection.addEventListener(CONNECTION_FAILED, () => heard.push('failed'));
  const calls = [connection.sendStanza('<presence/>'), connection.sendIq(PING)];
  for (const call of calls) {
    call.then(() => heard.push('sent')).catch(({ code }) => heard.push(code));
  }
  await server.restart();
  await server.faults({});
  await failed;
  assert.deepEqual(heard, ['session_lost', 'session_lost', 'failed']);
});

test('sendIq resolves with the answer, be it a result or an error', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  await connection.connectAsync();
  assert.match(await connection.sendIq(PING), /^<iq [^>]*type=['"]result['"]/);
  const unknown = "<iq type='get' to='meet.example' id='mine'><query xmlns='urn:unknown'/></iq>";
  const answer = await connection.sendIq(unknown, null);
  assert.match(answer, /^<iq .*<service-unavailable /);
  assert.match(answer, /\btype=['"]error['"]/);
  assert.match(answer, /\bid=['"]mine['"]/);
  await connection.disconnect();
});

test('sendIq gives up after the timeout of the call, or that of the option', async (t) => {
  const server = await startServer(t);
  const [patient, impatient] = [server.connection({ iqTimeout: 600_000 }), server.connection({ iqTimeout: 20 })];
  await patient.connectAsync();
  await impatient.connectAsync();
  const interrupted = [patient, impatient].map((connection) => happens(connection, INTERRUPTED));
  await server.faults({ upgrade: 'silent' });
  await server.cut();
  await Promise.all(interrupted);
  const calls = [patient.sendIq(PING, { timeout: 20 }), impatient.sendIq(PING), impatient.sendIq(PING, {})];
  for (const call of calls) {
    await soon(assert.rejects(call, status('timeout')), 'the timeout');
  }
});

test('stanzas are delivered while they have a listener', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const ids = [];
  const listener = (_, { id }) => ids.push(id);
  const deliver = (id) => server.deliver(connection.getJid(), `<message xmlns='jabber:client' id='${id}'/>`);
  // Answered behind all that came before.
  const settled = () => connection.sendIq(PING);

  connection.addEventListener(STANZA_RECEIVED, listener);
  connection.addEventListener(STANZA_RECEIVED, listener);
  await connection.connectAsync();
  connection.removeEventListener(STANZA_RECEIVED, listener);
  await deliver('heard');
  await settled();
  connection.removeEventListener(STANZA_RECEIVED, listener);
  await deliver('unheard');
  await settled();
  connection.addEventListener(STANZA_RECEIVED, listener);
  await deliver('heard again');
  await settled();
  connection.removeEventListener(STANZA_RECEIVED, listener);
  assert.deepEqual(
    ids.filter((id) => !id?.startsWith('jm-')),
    ['heard', 'heard again'],
  );
  await connection.disconnect();
});

/** Keeps this thread, and so its event loop, busy for some ms. */
function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('a listener that is stuck ends the connection; stanzas without a listener do not wait for anybody', async (t) => {
  const server = await startServer(t);
  const eventQueue = { maxEvents: 2, stallTimeout: 50 };
  const [stuck, free] = [server.connection({ eventQueue }), server.connection({ eventQueue })];
  const listener = () => {};
  for (const connection of [stuck, free]) {
    connection.addEventListener(STANZA_RECEIVED, listener);
    await connection.connectAsync();
  }
  free.removeEventListener(STANZA_RECEIVED, listener);
  await free.sendIq(PING);
  const seen = record(free);
  const failed = happens(stuck, CONNECTION_FAILED);
  for (const connection of [free, stuck]) {
    for (let count = 0; count < 10; count += 1) {
      server.deliver(connection.getJid(), "<message xmlns='jabber:client'/>");
    }
  }
  block(1000);
  const [type, , , { code }] = await failed;
  assert.deepEqual([type, code], ['connection.droppedError', 'listener_stalled']);
  await free.sendIq(PING);
  assert.deepEqual(seen, []);
  await free.disconnect();
});

test('a flood of stanzas is delivered in order, in turns that let the program go on', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ eventQueue: { maxEvents: 100 } });
  const jid = await connection.connectAsync();
  const ids = [];
  let turns = 0;
  const all = new Promise((resolve) => {
    connection.addEventListener(STANZA_RECEIVED, (_, { id }) => {
      setImmediate(() => {
        turns += 1;
      });
      ids.push(Number(id));
      if (ids.length === 2000) {
        resolve();
      }
    });
  });
  const deliveries = Array.from({ length: 2000 }, (_, id) =>
    server.deliver(jid, `<message xmlns='jabber:client' id='${id}'/>`),
  );
  await Promise.all([...deliveries, soon(all, 'all stanzas')]);
  assert.deepEqual(ids, [...ids.keys()]);
  assert.ok(turns > 0, 'the event loop never turned');
  await connection.disconnect();
});
