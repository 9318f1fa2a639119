// Connects and disconnects again and again, with everything that a program may leave behind at each of its connections.
// Prints by how many bytes the heap and the process have grown over the second half of the cycles.

const v8 = require('node:v8');
const vm = require('node:vm');

const { events, JitsiConnection } = require('jitsimeet');

const { SERVICE_URL, DOMAIN, CYCLES } = process.env;
const { CONNECTION_ESTABLISHED, STANZA_RECEIVED } = events.connection;
const options = { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN }, websocketKeepAlive: -1 };

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

const controller = new AbortController();

async function cycle() {
  const connection = new JitsiConnection(null, null, options);
  connection.once(CONNECTION_ESTABLISHED, () => connection.getLogs());
  connection.on(STANZA_RECEIVED, () => {});
  const iterator = connection.events();
  await connection.connectAsync(null, { signal: controller.signal });
  await iterator.next();
  await connection.sendStanza('<presence/>');
  await connection.disconnect();
}

/** What is in use once garbage is collected: the addon's part of a connection goes in a turn after its object. */
async function inUse() {
  for (let round = 0; round < 5; round += 1) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed + external, rss: process.memoryUsage.rss() };
}

async function main() {
  const half = Number(CYCLES) / 2;
  for (let count = 0; count < half; count += 1) {
    await cycle();
  }
  const before = await inUse();
  for (let count = 0; count < half; count += 1) {
    await cycle();
  }
  const after = await inUse();
  console.log(JSON.stringify({ heap: after.heap - before.heap, rss: after.rss - before.rss }));
}

main();
