'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  happens,
  record,
  startServer,
  status,
} = require('./support.js');

test('a guest connects over BOSH', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ serviceUrl: server.boshUrl });
  const jid = await connection.connectAsync();
  assert.match(jid, /^guest.*@meet\.example\//);
  await connection.disconnect();
  await server.hasSessions(0);
});

test('a session that someone else has bound goes on and ends for real', async (t) => {
  const server = await startServer(t);
  for (const kind of [Number, String]) {
    const { jid, sid, rid } = await server.prebind();
    const connection = server.connection({ serviceUrl: server.boshUrl });
    const events = record(connection);
    const established = happens(connection, CONNECTION_ESTABLISHED);
    connection.attach({ jid, sid, rid: kind(rid) });
    assert.throws(() => connection.attach({ jid, sid, rid }), status('invalid_state'));
    assert.equal((await established)[0], jid.split('/')[1]);
    assert.equal(connection.getJid(), jid);
    const { attaching, attached } = connection.getConnectionTimes();
    assert.ok(attaching <= attached);
    await connection.disconnect();
    await server.hasSessions(0);
    assert.deepEqual(
      events.filter((event) => [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED].includes(event)),
      [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED],
    );
  }
});

test('a wrong sid is an unknown session', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ serviceUrl: server.boshUrl });
  const failed = happens(connection, CONNECTION_FAILED);
  connection.attach({ jid: 'guest@meet.example/r', sid: 'wrong', rid: 1 });
  const [errorType, , , details] = await failed;
  assert.equal(errorType, 'connection.otherError');
  assert.equal(details.condition, 'item-not-found');
});

test('what cannot be attached to is refused', async (t) => {
  const server = await startServer(t);
  const good = { jid: 'guest@meet.example/r', sid: 'sid', rid: 1 };
  const connection = server.connection({ serviceUrl: server.boshUrl });
  for (const bad of [{ rid: 'next' }, { rid: 1.5 }, { jid: 'guest@meet.example' }, { sid: '' }, { sid: null }]) {
    const [name] = Object.keys(bad);
    assert.throws(() => connection.attach({ ...good, ...bad }), {
      name: 'TypeError',
      status: 'invalid_argument',
      message: new RegExp(name),
    });
  }
  assert.throws(() => server.connection().attach(good), status('unsupported_transport'));
});
