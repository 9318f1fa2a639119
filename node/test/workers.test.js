'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const test = require('node:test');
const { Worker } = require('node:worker_threads');

const { soon, startServer } = require('./support.js');

const CONNECTIONS = 10;

/** A worker thread that opens connections and closes them when told to. */
function startWorker(t, server) {
  const workerData = { options: server.options(), connections: CONNECTIONS };
  const worker = new Worker(path.join(__dirname, 'programs/worker.cjs'), { workerData });
  t.after(() => worker.terminate());
  const message = async () => (await soon(once(worker, 'message'), 'a message of a worker'))[0];
  const exit = soon(once(worker, 'exit'), 'the end of a worker');
  return { worker, message, exit };
}

test('several worker threads have connections of their own, each ending by itself', async (t) => {
  const server = await startServer(t);
  const workers = Array.from({ length: 3 }, () => startWorker(t, server));
  for (const message of await Promise.all(workers.map(({ message }) => message()))) {
    assert.equal(message, 'connected');
  }
  await server.hasSessions(3 * CONNECTIONS);

  const reports = workers.map(({ message }) => message());
  for (const { worker } of workers) {
    worker.postMessage('disconnect');
  }
  for (const report of await Promise.all(reports)) {
    assert.deepEqual(report, Array(CONNECTIONS).fill('established disconnected'));
  }
  for (const [code] of await Promise.all(workers.map(({ exit }) => exit))) {
    assert.equal(code, 0);
  }
  await server.hasSessions(0);
});

test('a worker thread that is terminated closes its connections and leaves those of others alone', async (t) => {
  const server = await startServer(t);
  const own = server.connection();
  await own.connectAsync();
  const [first, second] = [startWorker(t, server), startWorker(t, server)];
  await Promise.all([first.message(), second.message()]);
  await server.hasSessions(1 + 2 * CONNECTIONS);

  await first.worker.terminate();
  await server.hasSessions(1 + CONNECTIONS);
  const report = second.message();
  second.worker.postMessage('disconnect');
  assert.deepEqual(await report, Array(CONNECTIONS).fill('established disconnected'));
  await own.disconnect();
  await server.hasSessions(0);
});

test('a worker thread may be terminated while it connects', async (t) => {
  const server = await startServer(t);
  await server.faults({ stream: 'silent' });
  for (let round = 0; round < 5; round += 1) {
    const { worker } = startWorker(t, server);
    await soon(once(worker, 'online'), 'a worker');
    await worker.terminate();
  }
  await server.faults({});
  const connection = server.connection();
  await connection.connectAsync();
  await connection.disconnect();
});
