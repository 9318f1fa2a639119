'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  INTERRUPTED,
  STANZA_RECEIVED,
  run,
  soon,
  startServer,
} = require('./support.js');

/** How many events of a connection one turn of the event loop may deliver. */
const TURN = 256;

/** What an iteration gives until its end, but for the answers to what the library asks the server by itself. */
async function collect(iterator) {
  const happened = [];
  for await (const { event, args } of iterator) {
    if (event !== STANZA_RECEIVED || args[1].name === 'message') {
      happened.push(event);
    }
  }
  return happened;
}

/** The next message. */
async function nextMessage(iterator) {
  for (;;) {
    const { value } = await soon(iterator.next(), 'a message');
    if (value.args[1].name === 'message') {
      return value;
    }
  }
}

/** The code of the failure to come. */
function collectFailure(connection) {
  return new Promise((resolve) => {
    connection.once(CONNECTION_FAILED, (_type, _message, _credentials, { code }) => resolve(code));
  });
}

test('an iteration gives the events in order and ends with the attempt', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const all = collect(connection.events());
  const some = collect(connection.events(CONNECTION_DISCONNECTED));
  const jid = await connection.connectAsync();
  const first = nextMessage(connection.events(STANZA_RECEIVED));
  await server.deliver(jid, "<message xmlns='jabber:client' from='meet.example' id='1'/>");
  const { event, args } = await first;
  assert.deepEqual([event, args[1].name, args[1].id], [STANZA_RECEIVED, 'message', '1']);
  assert.match(args[0], /^<message /);
  await connection.disconnect();
  assert.deepEqual(await soon(all, 'the end'), [CONNECTION_ESTABLISHED, STANZA_RECEIVED, CONNECTION_DISCONNECTED]);
  assert.deepEqual(await soon(some, 'the end'), [CONNECTION_DISCONNECTED]);
});

test('an iteration that a listener begins has the events after that one', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  let later;
  connection.once(CONNECTION_ESTABLISHED, () => {
    later = collect(connection.events(CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED));
  });
  await connection.connectAsync();
  await connection.disconnect();
  assert.deepEqual(await soon(later, 'the end'), [CONNECTION_DISCONNECTED]);
});

test('an iteration that a listener ends takes nothing more, and holds nothing', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const iterator = connection.events(CONNECTION_ESTABLISHED);
  connection.once(CONNECTION_ESTABLISHED, () => iterator.return());
  await connection.connectAsync();
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  assert.equal(connection.getStatistics().queuedEvents, 0);
  await connection.disconnect();
});

test('an iteration goes on where its body connects again', async (t) => {
  const server = await startServer(t);
  await server.faults({ stream: 'close' });
  const connection = server.connection();
  const happened = [];
  const names = [CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED];
  const iterator = connection.events(...names);
  connection.connect();
  for await (const { event } of iterator) {
    happened.push(event);
    if (event === CONNECTION_FAILED) {
      await server.faults({});
      connection.connect();
    } else if (event === CONNECTION_ESTABLISHED) {
      connection.disconnect();
    }
  }
  assert.deepEqual(happened, [CONNECTION_FAILED, CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
});

test('an iteration whose names never come ends all the same', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const none = collect(connection.events(INTERRUPTED));
  await connection.connectAsync();
  await connection.disconnect();
  assert.deepEqual(await soon(none, 'the end'), []);
});

test('breaking out of an iteration ends it, and stanzas are no longer delivered', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const jid = await connection.connectAsync();
  const message = "<message xmlns='jabber:client' from='meet.example'/>";
  const iterator = connection.events(STANZA_RECEIVED);
  const broken = (async () => {
    for await (const { event } of iterator) {
      return event;
    }
    return 'end';
  })();
  await server.deliver(jid, message);
  assert.equal(await soon(broken, 'the break'), STANZA_RECEIVED);
  await server.deliver(jid, message);
  await connection.ping();
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  assert.equal(connection.getStatistics().queuedEvents, 0);
  await connection.disconnect();
});

test('events that are not asked for fill the event queue, and asking for them makes room', async (t) => {
  const server = await startServer(t);
  const maxEvents = 10;
  const connection = server.connection({ eventQueue: { maxEvents } });
  const jid = await connection.connectAsync();
  const iterator = connection.events(STANZA_RECEIVED);
  const sent = Array.from({ length: 1000 }, (_, index) => `${index}`);
  for (const id of sent) {
    await server.deliver(jid, `<message xmlns='jabber:client' from='meet.example' id='${id}'/>`);
  }
  const received = [];
  let most = 0;
  while (received.length < sent.length) {
    most = Math.max(most, connection.getStatistics().queuedEvents);
    received.push((await nextMessage(iterator)).args[1].id);
  }
  assert.deepEqual(received, sent);
  // What is read while a turn is delivered comes on top of what may wait.
  assert.ok(most >= maxEvents && most <= 2 * maxEvents + TURN, `${most} events waited`);
  await iterator.return();
  await connection.disconnect();
});

test('a listener of an iteration that is stuck is named', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ eventQueue: { maxEvents: 4, stallTimeout: 200 } });
  const jid = await connection.connectAsync();
  const failed = collectFailure(connection);
  const iterator = connection.events(STANZA_RECEIVED);
  for (let count = 0; count < 20; count += 1) {
    await server.deliver(jid, "<message xmlns='jabber:client' from='meet.example'/>");
  }
  assert.equal(await soon(failed, 'the failure'), 'listener_stalled');
  await iterator.return();
});

test('a program that iterates and disposes ends by itself', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(await run(t, 'iterate.mjs', server.environment), {
    status: 0,
    lines: [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED, 'end', 'disposed idle'],
    stderr: '',
  });
});
