'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { version } = require('jitsimeet');
const { CONNECTION_ESTABLISHED, happens, jsonWebToken, startServer } = require('./support.js');

test('logs have the shape of those of lib-jitsi-meet', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const before = Date.now();
  await connection.connectAsync();
  await connection.sendStanza("<message to='meet.example' id='m1'/>");
  const logs = connection.getLogs();
  const after = Date.now();

  const { metadata, ...noMore } = logs;
  const { time, url, ua, xmpp, ...nothing } = metadata;
  assert.deepEqual([noMore, nothing], [{}, {}]);
  assert.ok(time instanceof Date && time >= before && time <= after, `${time}`);
  assert.deepEqual([url, ua], [server.serviceUrl, `jitsimeet/${version}`]);

  let last = before;
  for (const [at, direction, frame, ...rest] of xmpp) {
    assert.ok(Number.isInteger(at) && at >= last && at <= after, `${at}`);
    assert.match(direction, /^(incoming|outgoing)$/);
    assert.match(frame, /^</);
    assert.deepEqual(rest, []);
    last = at;
  }
  const [[, direction, frame]] = xmpp;
  assert.equal(direction, 'outgoing');
  assert.match(frame, /^<open /);
  assert.ok(xmpp.some(([, way, text]) => way === 'outgoing' && /id=['"]m1['"]/.test(text)));
  assert.ok(xmpp.some(([, way, text]) => way === 'incoming' && /^<enabled /.test(text)));
  assert.equal(JSON.parse(JSON.stringify(logs)).metadata.time, time.toISOString());
  await connection.disconnect();
});

test('a connection that has not connected has no frames', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(server.connection().getLogs().metadata.xmpp, []);
});

test('logs hold no password, and none of what it is proved with', async (t) => {
  const server = await startServer(t, '--account', 'user:canary');
  const sasl = { allowPlainWithoutTls: true };
  const encoded = Buffer.from('\0user\0canary').toString('base64');
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256']) {
    const connection = server.connection({ sasl: { ...sasl, mechanisms: [mechanism] } });
    await connection.connectAsync({ id: 'user', password: 'canary' });
    await connection.disconnect();
    const logs = JSON.stringify(connection.getLogs());
    assert.match(logs, new RegExp(`<auth [^>]*${mechanism}`));
    assert.ok(!logs.includes('canary') && !logs.includes(encoded), logs);
    assert.ok(!/<(response|challenge|success) [^>]*[^/]>(?!\*\*\*<)[^<]/.test(logs), logs);
  }
});

test('logs hold no token, nor what lets others take the session over', async (t) => {
  const secret = 'a secret that signs';
  const token = jsonWebToken(secret);
  const server = await startServer(t, '--token-secret', secret);
  const serviceUrl = `${server.serviceUrl}?secret=canary`;
  const connection = server.connection({ serviceUrl }, token);
  await connection.connectAsync();
  await connection.sendConferenceRequest('room');
  const established = happens(connection, CONNECTION_ESTABLISHED);
  await server.cut();
  await established;
  await connection.disconnect();

  const { metadata } = connection.getLogs();
  assert.equal(metadata.url, server.serviceUrl);
  const frames = metadata.xmpp.map(([, , frame]) => frame).join('');
  assert.match(frames, /<conference [^>]*token=['"]\*\*\*['"]/);
  assert.match(frames, /<enabled [^>]*id=['"]\*\*\*['"]/);
  assert.match(frames, /<resume [^>]*previd=['"]\*\*\*['"]/);
  assert.ok(!frames.includes(token) && !frames.includes('canary'), frames);
});

test('logs keep as much as the option says', async (t) => {
  const server = await startServer(t);
  const kept = async (logs) => {
    const connection = server.connection({ logs });
    await connection.connectAsync();
    await connection.disconnect();
    return connection.getLogs().metadata.xmpp.map(([, , frame]) => frame);
  };
  const two = await kept({ maxEntries: 2 });
  assert.equal(two.length, 2);
  assert.match(two.at(-1), /^<close /);
  assert.deepEqual(await kept({ maxEntries: 0 }), []);
  assert.deepEqual(await kept({ maxBytes: 0 }), []);
});
