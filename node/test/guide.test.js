'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { run, startServer } = require('./support.js');

const NOBODY = { SERVICE_URL: 'ws://127.0.0.1:1/xmpp-websocket', DOMAIN: 'meet.example' };

for (const program of ['guide.cjs', 'guide.mjs']) {
  test(`${program} runs as the guide of lib-jitsi-meet writes it`, async (t) => {
    const server = await startServer(t);
    assert.deepEqual(await run(t, program, server.environment), {
      status: 0,
      lines: ['success true', 'disconnect!', 'disconnected'],
      stderr: '',
    });
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
