// A bot that stays connected: a lost link is resumed by the library; a session that is lost for good, or a deployment
// that is away, is tried again later and later, at random times. SIGINT and SIGTERM end it in an orderly way.
//
//     SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org node stay-connected.mjs
//
// FIRST_DELAY may say after how many ms at most the first attempt is repeated; 1000 if not given.

import { env } from 'node:process';
import { events, JitsiConnection } from 'jitsimeet';
import { optionsFromEnvironment } from './environment.mjs';

const FIRST_DELAY = Number(env.FIRST_DELAY ?? 1000);
const LONGEST_DELAY = 60_000;

const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, INTERRUPTED } = events.connection;
const connection = new JitsiConnection(null, env.TOKEN ?? null, optionsFromEnvironment());

let failures = 0;
/** @type {NodeJS.Timeout | undefined} */
let retry;

connection.addEventListener(CONNECTION_ESTABLISHED, (_id, { resumed }) => {
  failures = 0;
  console.log(resumed ? 'resumed' : 'connected', connection.getJid());
});

connection.addEventListener(INTERRUPTED, ({ message }) => console.log('interrupted:', message));

connection.addEventListener(CONNECTION_FAILED, (errorType, message, _credentials, { transient }) => {
  console.log('failed:', errorType, message);
  if (!transient) {
    // It would fail again in the same way.
    process.exitCode = 1;
    return;
  }
  // At random, so that a thousand bots that lose their server together do not come back in step.
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures);
  failures += 1;
  retry = setTimeout(() => connection.connect(), Math.random() * longest);
});

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, async () => {
    clearTimeout(retry);
    await connection.disconnect();
    console.log('disconnected');
    // The handlers of signals do not keep the process alive, and neither does the connection now.
  });
}

connection.connect();
