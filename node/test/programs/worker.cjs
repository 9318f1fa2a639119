// A worker thread: opens connections, says so, closes them when told to, and reports the events of each.

const { parentPort, workerData } = require('node:worker_threads');

const { events, JitsiConnection } = require('jitsimeet');

function open() {
  const connection = new JitsiConnection(null, null, workerData.options);
  const seen = [];
  connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => seen.push('established'));
  connection.addEventListener(events.connection.CONNECTION_FAILED, () => seen.push('failed'));
  connection.addEventListener(events.connection.CONNECTION_DISCONNECTED, () => seen.push('disconnected'));
  return { connection, seen, connected: connection.connectAsync() };
}

async function main() {
  const connections = Array.from({ length: workerData.connections }, open);
  await Promise.all(connections.map(({ connected }) => connected));
  parentPort.once('message', async () => {
    await Promise.all(connections.map(({ connection }) => connection.disconnect()));
    parentPort.postMessage(connections.map(({ seen }) => seen.join(' ')));
  });
  parentPort.postMessage('connected');
}

main();
