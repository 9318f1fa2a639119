'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, happens, startServer } = require('./support.js');

const ACCOUNT = { id: 'user', password: 'pencil' };

function startServerWithAccount(t, ...args) {
  return startServer(t, '--account', 'user:pencil', ...args);
}

/** The arguments of the failure of an attempt. */
async function fails(connection, account) {
  const failed = happens(connection, CONNECTION_FAILED);
  connection.connect(account);
  return failed;
}

test('connect and connectAsync log in to an account', async (t) => {
  const server = await startServerWithAccount(t);
  const connection = server.connection();
  const established = happens(connection, CONNECTION_ESTABLISHED);
  connection.connect(ACCOUNT);
  const [id] = await established;
  assert.equal(connection.getJid(), `user@meet.example/${id}`);
  await connection.disconnect();

  assert.match(await connection.connectAsync(ACCOUNT), /^user@meet\.example\//);
  await connection.disconnect();
});

test('a full JID asks for its resource', async (t) => {
  const server = await startServerWithAccount(t);
  const connection = server.connection();
  const account = { id: 'user@meet.example/desk', password: 'pencil' };
  assert.equal(await connection.connectAsync(account), 'user@meet.example/desk');
  await connection.disconnect();
});

test('the account is that of one attempt: the next one without is a guest', async (t) => {
  const server = await startServerWithAccount(t);
  const connection = server.connection();
  await connection.connectAsync(ACCOUNT);
  await connection.disconnect();
  for (const nobody of [undefined, null, {}, { id: null, password: undefined }]) {
    assert.match(await connection.connectAsync(nobody), /^guest/);
    await connection.disconnect();
  }
});

test('a wrong password is an error that does not tell it', async (t) => {
  const server = await startServerWithAccount(t);
  const connection = server.connection();
  const account = { id: 'user', password: 'canary' };
  const [type, message, credentials, details] = await fails(connection, account);
  assert.deepEqual(
    [type, credentials, details.code],
    ['connection.passwordRequired', { jid: 'user@meet.example' }, 'sasl_failure'],
  );
  assert.doesNotMatch(`${message}${JSON.stringify(details)}`, /canary/);

  await assert.rejects(connection.connectAsync(account), (error) => {
    assert.equal(error.code, 'sasl_failure');
    assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /canary/);
    return true;
  });
});

test('an id without a password, or the reverse, is a failure of the attempt', async (t) => {
  const server = await startServerWithAccount(t);
  const connection = server.connection();
  for (const account of [{ id: 'user' }, { password: 'pencil' }]) {
    const [type, , , { code }] = await fails(connection, account);
    assert.deepEqual([type, code], ['connection.passwordRequired', 'credentials_incomplete']);
    await assert.rejects(connection.connectAsync(account), { status: 'connection_failed', code });
  }
  assert.equal(await server.connections(), 0);
});

test('what is neither text nor null is refused by name, and other keys are ignored', async (t) => {
  const server = await startServerWithAccount(t);
  const connection = server.connection();
  const cases = [
    [{ ...ACCOUNT, id: 5 }, /\bid\b/],
    [{ ...ACCOUNT, password: ['pencil'] }, /\bpassword\b/],
    [{ ...ACCOUNT, name: true }, /\bname\b/],
    ['user', /\bconnect\b/],
  ];
  for (const [account, message] of cases) {
    const refused = { name: 'TypeError', status: 'invalid_argument', code: 'invalid_argument', message };
    assert.throws(() => connection.connect(account), refused);
    await assert.rejects(connection.connectAsync(account), refused);
  }
  assert.equal(await server.connections(), 0);

  assert.match(await connection.connectAsync({ ...ACCOUNT, name: null, jid: 5 }), /^user@/);
  await connection.disconnect();
});

test('a password goes out as it is only over TLS, unless that is allowed', async (t) => {
  const plain = { mechanisms: ['PLAIN'] };
  const secure = await startServerWithAccount(t, '--tls');
  await secure.faults(plain);
  const connection = secure.connection();
  await connection.connectAsync(ACCOUNT);
  await connection.disconnect();

  const server = await startServerWithAccount(t);
  await server.faults(plain);
  await assert.rejects(server.connection().connectAsync(ACCOUNT), { code: 'no_mechanism' });
  const allowed = server.connection({ sasl: { mechanisms: ['PLAIN'], allowPlainWithoutTls: true } });
  await allowed.connectAsync(ACCOUNT);
  await allowed.disconnect();
});
