// A worker thread takes the log and is terminated; then the main thread takes it.

const { once } = require('node:events');
const { isMainThread, parentPort, Worker } = require('node:worker_threads');

const { JitsiConnection, setLogLevel } = require('jitsimeet');

const { SERVICE_URL, DOMAIN } = process.env;

/** Connects until a record comes. */
async function record() {
  const came = new Promise((resolve) => setLogLevel('trace', resolve));
  const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN } });
  await connection.connectAsync();
  await came;
  await connection.disconnect();
}

async function main() {
  const worker = new Worker(__filename);
  await once(worker, 'message');
  console.log('the worker had records');
  await worker.terminate();
  await record();
  console.log('and then the main thread');
}

if (isMainThread) {
  main();
} else {
  record().then(() => {
    parentPort.postMessage('had records');
    setInterval(() => {}, 1000);
  });
}
