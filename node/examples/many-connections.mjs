// Opens many connections at once, as a load test does, says how long they took, and closes them.
//
//     SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org COUNT=500 node many-connections.mjs

import { env } from 'node:process';
import { JitsiConnection, JitsiError, shutdown } from 'jitsimeet';
import { optionsFromEnvironment } from './environment.mjs';

const COUNT = Number(env.COUNT ?? 100);
const options = optionsFromEnvironment();

const connections = Array.from({ length: COUNT }, () => new JitsiConnection(null, null, options));
const outcomes = await Promise.allSettled(connections.map((connection) => connection.connectAsync()));

/** @type {Map<string, number>} */
const failures = new Map();
for (const outcome of outcomes) {
  if (outcome.status === 'rejected') {
    const code = outcome.reason instanceof JitsiError ? outcome.reason.code : String(outcome.reason);
    failures.set(code, (failures.get(code) ?? 0) + 1);
  }
}
const durations = connections
  .map((connection) => connection.getConnectionTimes())
  .flatMap(({ connecting, connected }) =>
    connecting !== undefined && connected !== undefined ? connected - connecting : [],
  )
  .sort((a, b) => a - b);

/** @param {number} share */
const quantile = (share) => (durations[Math.floor((durations.length - 1) * share)] ?? Number.NaN).toFixed(1);

console.log(`${durations.length} of ${COUNT} connected; half in ${quantile(0.5)} ms, all in ${quantile(1)} ms`);
for (const [code, count] of failures) {
  console.log(`${count} failed with ${code}`);
}

await shutdown();
process.exitCode = failures.size > 0 ? 1 : 0;
