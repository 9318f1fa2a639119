'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { logLevels, setLogLevel } = require('jitsimeet');
const { jsonWebToken, run, soon, startServer } = require('./support.js');

const LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z \[(TRACE|DEBUG|INFO|WARN|ERROR)\] \[jitsimeet[\w/]*\] .+$/;

test('nothing is logged until it is asked for', async (t) => {
  const server = await startServer(t);
  const { lines, stderr } = await run(t, 'logging.cjs', server.environment);
  assert.deepEqual({ lines, stderr }, { lines: ['done'], stderr: '' });
});

for (const [how, env] of Object.entries({
  setLogLevel: { LEVEL: 'debug' },
  'the option logLevel': { INIT: 'debug' },
})) {
  test(`${how} has records printed to the console`, async (t) => {
    const server = await startServer(t);
    const { status, lines } = await run(t, 'logging.cjs', { ...server.environment, ...env });
    assert.equal(status, 0);
    const records = lines.filter((line) => line !== 'done');
    assert.ok(records.length > 0);
    for (const line of records) {
      assert.match(line, LINE);
    }
    assert.ok(
      records.some((line) => /\[connection \d+\]/.test(line)),
      records.join('\n'),
    );
  });
}

test('warnings go to the standard error, and what is less is left out', async (t) => {
  const server = await startServer(t);
  const { lines, stderr } = await run(t, 'logging.cjs', { ...server.environment, LEVEL: 'warn', INSECURE: 'yes' });
  assert.deepEqual(lines, ['done']);
  assert.match(stderr, /\[WARN\] .*insecureSkipVerify/);
  for (const line of stderr.trim().split('\n')) {
    assert.match(line, LINE);
  }
});

test('what waits at the end of the process is printed', async (t) => {
  const server = await startServer(t);
  const env = { ...server.environment, LEVEL: 'warn', INSECURE: 'yes', EXIT: 'yes' };
  const { status, stderr } = await run(t, 'logging.cjs', env);
  assert.equal(status, 0);
  assert.match(stderr, /\[WARN\] .*insecureSkipVerify/);
});

test('a handler gets the records, without secrets, until the log is turned off', async (t) => {
  const secret = 'a secret that signs';
  const token = jsonWebToken(secret);
  const server = await startServer(t, '--token-secret', secret);
  t.after(() => setLogLevel(logLevels.OFF));
  const records = [];
  const came = new Promise((resolve) => {
    setLogLevel(logLevels.TRACE, (record) => {
      records.push(record);
      resolve();
    });
  });
  const before = Date.now();
  const connection = server.connection({}, token);
  await connection.connectAsync();
  await connection.disconnect();
  await soon(came, 'a record');
  setLogLevel('off');
  for (const { time, level, module, connection: about, message, ...more } of records) {
    assert.ok(time instanceof Date && time.getTime() >= before - 1 && time.getTime() <= Date.now() + 1);
    assert.match(level, /^(trace|debug|info|warn|error)$/);
    assert.match(module, /^jitsimeet/);
    assert.ok(about === undefined || Number.isInteger(about));
    assert.equal(typeof message, 'string');
    assert.ok(!message.includes(token), message);
    assert.deepEqual(more, {});
  }
  const count = records.length;
  await connection.connectAsync();
  await connection.disconnect();
  assert.equal(records.length, count);
});

test('a handler that throws is an uncaught exception, and the connection goes on', async (t) => {
  const server = await startServer(t);
  const env = { ...server.environment, LEVEL: 'debug', HANDLER: 'throws' };
  const { status, lines, stderr } = await run(t, 'logging.cjs', env);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.ok(lines.includes('uncaught: thrown by a handler') && lines.includes('done'), lines.join('\n'));
});

test('what is no level or no handler is refused', () => {
  const refused = { name: 'TypeError', code: 'invalid_argument' };
  for (const level of [undefined, 3, 'loud']) {
    assert.throws(() => setLogLevel(level), refused);
  }
  assert.throws(() => setLogLevel('info', 'console'), refused);
});

test('a worker thread that had the log and ends leaves it to others', async (t) => {
  const server = await startServer(t);
  const { status, lines, stderr } = await run(t, 'log-of-worker.cjs', server.environment);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.deepEqual(lines, ['the worker had records', 'and then the main thread']);
});
