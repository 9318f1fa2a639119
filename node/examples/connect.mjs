// Connects to a deployment as a guest, says when each phase was reached, and disconnects.
//
//     SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org node connect.mjs
//
// CA_CERTIFICATES may name a PEM file with the only authorities to trust. Prints one line of three columns, with tabs
// between them: the JID, the milliseconds from connect to the established session, and those to each phase.

import { events, JitsiConnection } from 'jitsimeet';
import { optionsFromEnvironment } from './environment.mjs';

/** @type {(keyof import('jitsimeet').ConnectionTimes)[]} */
const PHASES = ['dns', 'tcp', 'tls', 'upgrade', 'authenticated', 'bound'];

/** @param {import('jitsimeet').ConnectionTimes} times */
function describe(times) {
  /** @param {number | undefined} at */
  const since = (at) => (at === undefined ? '-' : (at - (times.connecting ?? at)).toFixed(1));
  return `${since(times.connected)}\t${PHASES.map((phase) => `${phase} ${since(times[phase])}`).join(' ')}`;
}

async function main() {
  const connection = new JitsiConnection(null, null, optionsFromEnvironment());

  const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED } = events.connection;
  /** @type {string[]} */
  const seen = [];
  for (const event of [CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED]) {
    connection.addEventListener(event, () => seen.push(event));
  }

  const jid = await connection.connectAsync();
  const line = `${jid}\t${describe(connection.getConnectionTimes())}`;
  await connection.disconnect();

  const expected = [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED];
  if (seen.join() !== expected.join()) {
    throw new Error(`events came in another order than expected: ${seen.join(', ')}`);
  }
  console.log(line);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
