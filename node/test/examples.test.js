'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const { jsonWebToken, run, start, startHttp, startServer } = require('./support.js');

const EXAMPLES = path.join(__dirname, '../examples');
const NOBODY = { SERVICE_URL: 'ws://127.0.0.1:1/xmpp-websocket', DOMAIN: 'meet.example' };

const example = (name) => path.join(EXAMPLES, name);

test('connect.mjs prints its one line', async (t) => {
  const server = await startServer(t);
  const { status, lines, stderr } = await run(t, example('connect.mjs'), server.environment);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  const ms = '\\d+\\.\\d';
  const phases = `dns ${ms} tcp ${ms} tls - upgrade ${ms} authenticated ${ms} bound ${ms}`;
  assert.match(lines.join('\n'), new RegExp(`^[^\\t]+@meet\\.example/[^\\t]+\\t${ms}\\t${phases}$`));
});

test('connect.mjs says why it failed', async (t) => {
  const { status, lines, stderr } = await run(t, example('connect.mjs'), NOBODY);
  assert.deepEqual({ status, lines }, { status: 1, lines: [] });
  assert.match(stderr, /127\.0\.0\.1:1 refused the connection/);
});

test('stay-connected.mjs resumes, comes back from a restart, and ends on a signal', async (t) => {
  const server = await startServer(t);
  const bot = start(t, example('stay-connected.mjs'), { ...server.environment, FIRST_DELAY: '50' });
  assert.match(await bot.line(), /^connected /);
  await server.cut();
  assert.match(await bot.line(), /^interrupted: /);
  assert.match(await bot.line(), /^resumed /);
  await server.restart();
  assert.match(await bot.line(), /^interrupted: /);
  assert.match(await bot.line(), /^failed: connection\.droppedError /);
  assert.match(await bot.line(), /^connected /);
  bot.kill('SIGINT');
  assert.deepEqual(await bot.end(), { status: 0, lines: ['disconnected'], stderr: '' });
  await server.hasSessions(0);
});

test('stay-connected.mjs gives up what would fail again', async (t) => {
  const server = await startServer(t, '--token-secret', 'secret');
  const { status, lines } = await run(t, example('stay-connected.mjs'), server.environment);
  assert.equal(status, 1);
  assert.match(lines.join('\n'), /^failed: connection\.passwordRequired .*$/);
});

test('refresh-token.mjs replaces a token before it expires', async (t) => {
  const secret = 'a secret that signs';
  const server = await startServer(t, '--token-secret', secret);
  const lifetimes = [61, 3600];
  const url = await startHttp(t, (_request, response) => response.end(jsonWebToken(secret, lifetimes.shift())));
  const env = { ...server.environment, TOKEN_URL: url, MARGIN: '60' };
  const program = start(t, example('refresh-token.mjs'), env);
  assert.match(await program.line(), /^connected /);
  assert.equal(await program.line(), 'refreshed');
  program.hush();
  assert.deepEqual(await program.end(), { status: 0, lines: ['disconnected'], stderr: '' });
  assert.deepEqual(lifetimes, []);
});

test('many-connections.mjs opens them all and closes them', async (t) => {
  const server = await startServer(t);
  const env = { ...server.environment, COUNT: '50' };
  const { status, lines, stderr } = await run(t, example('many-connections.mjs'), env);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(lines.join('\n'), /^50 of 50 connected; half in [\d.]+ ms, all in [\d.]+ ms$/);
  await server.hasSessions(0);
  const failed = await run(t, example('many-connections.mjs'), { ...NOBODY, COUNT: '2' });
  assert.deepEqual([failed.status, failed.lines.at(-1)], [1, '2 failed with refused']);
});

test('iterate.mjs prints what happens until it is told to end', async (t) => {
  const server = await startServer(t);
  const program = start(t, example('iterate.mjs'), server.environment);
  const [, jid] = (await program.line()).split(' ');
  await server.deliver(jid, "<message xmlns='jabber:client' from='meet.example' id='m1'/>");
  assert.match(await program.line(), /^message from meet\.example <message .*id='m1'/);
  program.hush();
  const end = { status: 0, lines: ['connection.connectionDisconnected'], stderr: '' };
  assert.deepEqual(await program.end(), end);
});

test('there is a test for every example', () => {
  const text = fs.readFileSync(__filename, 'utf8');
  for (const name of fs.readdirSync(EXAMPLES).filter((file) => file !== 'environment.mjs')) {
    assert.ok(text.includes(`example('${name}')`), name);
  }
});
