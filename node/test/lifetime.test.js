'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const test = require('node:test');

const { run, start, startServer } = require('./support.js');

test('an open connection keeps the process alive, and is not collected while nobody refers to it', async (t) => {
  const server = await startServer(t);
  const program = start(t, 'stay.cjs', server.environment);
  assert.equal(await program.line(), 'established');
  await server.close();
  assert.deepEqual(await program.end(), { status: 0, lines: ['failed closed_by_server'], stderr: '' });
});

test('an attempt under way keeps the process alive until it fails', async (t) => {
  const server = await startServer(t);
  await server.faults({ upgrade: 'silent' });
  const env = { ...server.environment, OPTIONS: JSON.stringify({ transport: { connectTimeout: 300 } }) };
  assert.deepEqual(await run(t, 'stay.cjs', env), { status: 0, lines: ['failed timeout_connect'], stderr: '' });
});

test('an interrupted connection keeps the process alive until it is given up', async (t) => {
  const server = await startServer(t);
  const env = { ...server.environment, OPTIONS: JSON.stringify({ resume: { maxElapsed: 500 } }) };
  const program = start(t, 'stay.cjs', env);
  assert.equal(await program.line(), 'established');
  await server.cut();
  assert.equal(await program.line(), 'established');
  await server.faults({ upgrade: 'refuse' });
  await server.cut();
  assert.deepEqual(await program.end(), { status: 0, lines: ['failed resume_timeout'], stderr: '' });
});

test('a promise that is awaited keeps the process alive, an idle connection does not', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(await run(t, 'idle.mjs', server.environment), {
    status: 0,
    lines: [
      'disconnect of an idle connection',
      'refreshToken of an idle connection',
      'sendStanza: not_connected',
      'sendIq: not_connected',
      'ping: not_connected',
      'sendConferenceRequest: not_connected',
      'connected and disconnected',
    ],
    stderr: '',
  });
});

test('a connection does not keep the process alive after unref, and does again after ref', async (t) => {
  const server = await startServer(t);
  const unreferenced = (env) => run(t, 'unref.cjs', { ...server.environment, ...env });
  assert.deepEqual(await unreferenced({}), { status: 0, lines: ['established'], stderr: '' });
  assert.deepEqual(await unreferenced({ REF: 'yes' }), {
    status: 0,
    lines: ['established', 'disconnected'],
    stderr: '',
  });
  await server.hasSessions(0);
});

/** The texts that a client has sent in its WebSocket frames. */
function texts(bytes) {
  const found = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at < bytes.length) {
    const text = (bytes[at] & 0x0f) === 1;
    let length = bytes[at + 1] & 0x7f;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    }
    const mask = bytes.subarray(at, at + 4);
    at += 4;
    if (text) {
      found.push(
        bytes
          .subarray(at, at + length)
          .map((byte, index) => byte ^ mask[index % 4])
          .toString(),
      );
    }
    at += length;
  }
  return found;
}

/** Puts itself before a server and keeps what clients send. */
async function startTap(t, server) {
  const streams = [];
  const tap = net.createServer((client) => {
    const chunks = [];
    streams.push(chunks);
    client.on('data', (chunk) => chunks.push(chunk));
    const upstream = net.connect(new URL(server.serviceUrl).port, '127.0.0.1');
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
    }
  });
  tap.listen(0, '127.0.0.1');
  await once(tap, 'listening');
  t.after(() => tap.close());
  const environment = { SERVICE_URL: `ws://127.0.0.1:${tap.address().port}/xmpp-websocket`, DOMAIN: server.domain };
  return { environment, sent: () => streams.map((chunks) => texts(Buffer.concat(chunks))) };
}

test('process.exit with an open connection ends the process and says goodbye to the server', async (t) => {
  const server = await startServer(t);
  const tap = await startTap(t, server);
  assert.deepEqual(await run(t, 'exit.cjs', tap.environment), { status: 7, lines: ['established'], stderr: '' });
  await server.hasSessions(0);
  assert.match(tap.sent()[0].at(-1), /^<close /);
});
