'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const testing = require('jitsimeet/testing');
const { JitsiConnection } = require('jitsimeet');

const {
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  INTERRUPTED,
  PROPERTIES_UPDATED,
  RESUMED,
  STANZA_RECEIVED,
  happens,
  record,
  run,
} = require('./support.js');

async function start(t, options) {
  const server = await testing.TestServer.start(options);
  t.after(() => server.close());
  return server;
}

function connectionTo(t, server, more) {
  const { serviceUrl, domain, caCertificate } = server;
  const tls = caCertificate === null ? null : { caCertificates: caCertificate };
  const connection = new JitsiConnection(null, null, {
    serviceUrl,
    hosts: { domain },
    tls,
    websocketKeepAlive: -1,
    ...more,
  });
  t.after(() => connection.disconnect());
  return connection;
}

test('the server serves connections of its own process, and obeys', async (t) => {
  // Nothing is asked of a deployment that tells of itself.
  const server = await start(t, { deployment: { push: 'before_bind' } });
  const connection = connectionTo(t, server);
  const jid = await connection.connectAsync();
  assert.deepEqual(server.getSessions(), [jid]);

  const seen = record(connection);
  const established = happens(connection, CONNECTION_ESTABLISHED);
  server.order('cut');
  await established;
  assert.deepEqual(seen, [INTERRUPTED, RESUMED, CONNECTION_ESTABLISHED]);
  assert.equal(server.getConnectionCount(), 2);

  const stanza = happens(connection, STANZA_RECEIVED);
  assert.equal(server.deliver(jid, "<message xmlns='jabber:client' id='m1'/>"), true);
  assert.equal((await stanza)[1].id, 'm1');
  assert.equal(server.deliver('nobody@meet.example/x', '<message/>'), false);

  const failed = happens(connection, CONNECTION_FAILED);
  server.order('streamError', { condition: 'policy-violation' });
  assert.equal((await failed)[3].condition, 'policy-violation');
  const [request] = server.getRequests();
  assert.deepEqual([request.method, request.upgrade], ['GET', true]);
});

test('the server has accounts, TLS, tokens, a deployment and a focus', async (t) => {
  const secure = await start(t, { tls: true, accounts: { someone: 'secret' } });
  assert.match(secure.serviceUrl, /^wss:/);
  const account = connectionTo(t, secure);
  assert.match(await account.connectAsync({ id: 'someone', password: 'secret' }), /^someone@/);

  const guarded = await start(t, { tokenSecret: 'secret' });
  await assert.rejects(connectionTo(t, guarded).connectAsync(), { code: 'sasl_failure' });

  const deployment = {
    push: 'before_bind',
    shard: 'shard-1',
    components: { lobbyrooms: 'lobby.meet.example' },
    componentFeatures: { 'lobby.meet.example': ['urn:example'] },
    services: [{ type: 'turn', host: 'turn.example', port: 3478, username: 'user', password: 'secret' }],
  };
  const server = await start(t, { deployment, conference: [{ focusJid: 'focus@first' }] });
  const connection = connectionTo(t, server);
  const updated = happens(connection, PROPERTIES_UPDATED);
  await connection.connectAsync();
  assert.deepEqual(await updated, [{ shard: 'shard-1' }]);
  assert.equal(connection.getIceServers()[0].username, 'user');
  assert.equal((await connection.sendConferenceRequest('room')).focusJid, 'focus@first');
  server.setConference([{ focusJid: 'focus@second' }]);
  assert.equal((await connection.sendConferenceRequest('room')).focusJid, 'focus@second');
  assert.deepEqual(
    server.getConferenceRequests().map(({ over, machineUid }) => [over, typeof machineUid]),
    Array(2).fill(['iq', 'string']),
  );
});

test('the server has rooms with a focus', async (t) => {
  const server = await start(t, { rooms: { meetingId: 'm' } });
  server.setRooms({ meetingId: 'n', offers: false });
  server.setJoins([{ error: 'not-allowed', text: 'no' }]);
  const connection = connectionTo(t, server);
  await connection.connectAsync();
  await connection.sendConferenceRequest('room');
  const room = 'room@conference.meet.example';
  const join = `<presence xmlns='jabber:client' to='${room}/me'><x xmlns='http://jabber.org/protocol/muc'/></presence>`;
  const received = [];
  connection.on(STANZA_RECEIVED, (xml) => received.push(xml));
  await connection.sendStanza(join);
  await connection.sendStanza(join);
  // Its answer comes behind all that entering led to.
  await connection.ping();
  assert.match(
    received.find((xml) => xml.includes("type='error'")),
    /not-allowed/,
  );
  assert.ok(received.some((xml) => xml.includes('<subject')));

  assert.equal(server.orderRoom('room', 'enter', { nick: 'other' }), true);
  assert.equal(server.orderRoom('room', 'configure', { membersOnly: true }), true);
  const state = server.getRoom(room);
  assert.deepEqual(
    state.occupants.map(({ nick }) => nick),
    ['focus', 'me'],
  );
  assert.deepEqual([state.meetingId, state.membersOnly, state.password], ['n', true, null]);
  assert.equal(server.orderRoom('room', 'longName', { nick: 'me', bytes: 5 }), false);
  assert.equal(server.getRoom('another'), null);
  assert.deepEqual(server.getJingleAnswers(), []);
  assert.throws(() => server.orderRoom('room', 'dance'), { code: 'invalid_argument', message: /dance/ });
});

test('the server does wrong on command', async (t) => {
  const server = await start(t);
  const connection = connectionTo(t, server);
  server.setFaults({ upgrade: 'refuse', status: 404 });
  await assert.rejects(connection.connectAsync(), { code: 'http_status', httpStatus: 404 });
  server.setFaults({ noManagement: true });
  await connection.connectAsync();
  server.setDeployment({ shard: 'shard-2' });
});

test('what the server does not understand is named, and a closed one says so', async (t) => {
  const server = await start(t);
  const refused = { name: 'TypeError', code: 'invalid_argument' };
  assert.throws(() => server.order('explode'), { ...refused, message: /explode/ });
  assert.throws(() => server.setFaults({ stream: 'wrong' }), { ...refused, message: /stream/ });
  assert.throws(() => server.setConference({}), refused);
  assert.throws(() => server.deliver(5, '<message/>'), refused);
  await assert.rejects(testing.TestServer.start({ ports: 1 }), /ports/);
  await assert.rejects(testing.TestServer.start(5), refused);
  server.close();
  server.close();
  assert.throws(() => server.getSessions(), /closed/);
});

test('a closed server frees its port and cuts its connections', async (t) => {
  const first = await start(t);
  const connection = connectionTo(t, first, { resume: { maxElapsed: 100 } });
  await connection.connectAsync();
  const failed = happens(connection, CONNECTION_FAILED);
  first.close();
  assert.equal((await failed)[3].code, 'resume_timeout');
  const { port } = new URL(first.serviceUrl);
  const second = await start(t, { port: Number(port) });
  assert.equal(second.serviceUrl, first.serviceUrl);
  await connection.connectAsync();
  await assert.rejects(testing.TestServer.start({ port: Number(port) }), /cannot start/);
});

test('as an ES module it is the same, and a program with a running server ends by itself', async (t) => {
  const module = await import('jitsimeet/testing');
  assert.equal(module.TestServer, testing.TestServer);
  const { status, lines, stderr } = await run(t, 'test-server.mjs');
  assert.deepEqual({ status, lines, stderr }, { status: 0, lines: ['connected true'], stderr: '' });
});
