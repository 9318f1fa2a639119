'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { jsonWebToken, run, start, startServer } = require('./support.js');

const NOBODY = { SERVICE_URL: 'ws://127.0.0.1:1/xmpp-websocket', DOMAIN: 'meet.example' };

for (const program of ['guide.cjs', 'guide.mjs']) {
  test(`${program} runs as the guide of lib-jitsi-meet writes it`, async (t) => {
    const server = await startServer(t);
    const guide = start(t, program, server.environment);
    assert.equal(await guide.line(), 'success true');
    guide.hush();
    assert.deepEqual(await guide.end(), {
      status: 0,
      lines: ['logs true true', 'disconnect!', 'disconnected'],
      stderr: '',
    });
  });

  test(`${program} survives a drop and takes new tokens`, async (t) => {
    const secret = 'a secret that signs';
    const server = await startServer(t, '--token-secret', secret);
    const guide = start(t, program, { ...server.environment, TOKEN: jsonWebToken(secret) });
    assert.equal(await guide.line(), 'success true');
    await server.cut();
    assert.equal(await guide.line(), 'success true', 'the session goes on');

    guide.say(jsonWebToken(secret));
    assert.equal(await guide.line(), 'success true', 'the session goes on with the new token');
    assert.equal(await guide.line(), 'refreshed');
    guide.say(jsonWebToken('another secret'));
    assert.match(await guide.line(), /^refresh failed .*Invalid signature/);
    guide.hush();
    assert.deepEqual(await guide.end(), {
      status: 0,
      lines: ['logs true true', 'disconnect!', 'disconnected'],
      stderr: '',
    });
    assert.equal(await server.connections(), 4);
  });

  test(`${program} hears of a failure`, async (t) => {
    assert.deepEqual(await run(t, program, NOBODY), {
      status: 0,
      lines: ['failed connection.otherError'],
      stderr: '',
    });
  });
}

test('the example prints its one line', async (t) => {
  const server = await startServer(t);
  const { status, lines, stderr } = await run(t, '../../examples/connect.mjs', server.environment);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  const ms = '\\d+\\.\\d';
  const phases = `dns ${ms} tcp ${ms} tls - upgrade ${ms} authenticated ${ms} bound ${ms}`;
  assert.match(lines.join('\n'), new RegExp(`^[^\\t]+@meet\\.example/[^\\t]+\\t${ms}\\t${phases}$`));
});

test('the example says why it failed', async (t) => {
  const { status, lines, stderr } = await run(t, '../../examples/connect.mjs', NOBODY);
  assert.deepEqual({ status, lines }, { status: 1, lines: [] });
  assert.match(stderr, /127\.0\.0\.1:1 refused the connection/);
});
