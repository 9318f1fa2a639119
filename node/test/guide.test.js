'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { jsonWebToken, run, start, startProsody, startProxy, startServer } = require('./support.js');

const NOBODY = { SERVICE_URL: 'ws://127.0.0.1:1/xmpp-websocket', DOMAIN: 'meet.example' };

const SUCCESS = 'success true true';
const FAREWELL = { status: 0, lines: ['logs true true', 'disconnect!', 'disconnected'], stderr: '' };

for (const program of ['guide.cjs', 'guide.mjs']) {
  test(`${program} runs as the guide of lib-jitsi-meet writes it`, async (t) => {
    const server = await startServer(t);
    const guide = start(t, program, server.environment);
    assert.equal(await guide.line(), SUCCESS);
    guide.hush();
    assert.deepEqual(await guide.end(), FAREWELL);
  });

  test(`${program} survives a drop and takes new tokens`, async (t) => {
    const secret = 'a secret that signs';
    const server = await startServer(t, '--token-secret', secret);
    const guide = start(t, program, { ...server.environment, TOKEN: jsonWebToken(secret) });
    assert.equal(await guide.line(), SUCCESS);
    await server.cut();
    assert.equal(await guide.line(), SUCCESS, 'the session goes on');

    guide.say(jsonWebToken(secret));
    assert.equal(await guide.line(), SUCCESS, 'the session goes on with the new token');
    assert.equal(await guide.line(), 'refreshed');
    guide.say(jsonWebToken('another secret'));
    assert.match(await guide.line(), /^refresh failed .*Invalid signature/);
    guide.hush();
    assert.deepEqual(await guide.end(), FAREWELL);
    assert.equal(await server.connections(), 4);
  });

  test(`${program} logs in to an account on Prosody and survives a drop`, async (t) => {
    const prosody = await startProsody(t);
    if (prosody === undefined) {
      return;
    }
    const proxy = await startProxy(t, prosody.plain);
    const account = { ID: 'user@accounts.localhost', PASSWORD: 'pencil', ROOM: 'daily' };
    const guide = start(t, program, { ...proxy.environment, ...account });
    assert.equal(await guide.line(), SUCCESS);
    await proxy.cut();
    assert.equal(await guide.line(), SUCCESS, 'the session goes on');
    guide.hush();
    assert.deepEqual(await guide.end(), FAREWELL);
  });

  test(`${program} backs off while the server is away, and comes back`, async (t) => {
    const server = await startServer(t);
    await server.faults({ upgrade: 'refuse' });
    const guide = start(t, program, server.environment);
    assert.equal(await guide.line(), 'failed connection.serverError');
    assert.equal(await guide.line(), 'failed connection.serverError');
    await server.faults({});
    let line = await guide.line();
    while (line.startsWith('failed')) {
      line = await guide.line();
    }
    assert.equal(line, SUCCESS);
    guide.hush();
    assert.deepEqual(await guide.end(), FAREWELL);
  });

  test(`${program} gives up at last, and at once where a password is missing`, async (t) => {
    const failed = (type, times) => ({ status: 0, lines: Array(times).fill(`failed connection.${type}`), stderr: '' });
    assert.deepEqual(await run(t, program, NOBODY), failed('otherError', 4));
    const server = await startServer(t, '--token-secret', 'secret');
    assert.deepEqual(await run(t, program, server.environment), failed('passwordRequired', 1));
  });
}
