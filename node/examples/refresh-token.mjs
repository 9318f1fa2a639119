// Stays connected with tokens that expire: each is replaced before it does, and the session goes on.
//
//     SERVICE_URL=... DOMAIN=... TOKEN_URL=https://tokens.example.org/ node refresh-token.mjs
//
// TOKEN_URL answers a GET with a JSON Web Token. MARGIN may say how many seconds before its end a token is replaced; 60
// if not given. The end of standard input ends the program.

import { env, stdin } from 'node:process';
import { events, JitsiConnection } from 'jitsimeet';
import { optionsFromEnvironment } from './environment.mjs';

const MARGIN = Number(env.MARGIN ?? 60);

async function fetchToken() {
  const response = await fetch(/** @type {string} */ (env.TOKEN_URL));
  if (!response.ok) {
    throw new Error(`${env.TOKEN_URL} answered with ${response.status}`);
  }
  return (await response.text()).trim();
}

/**
 * The ms until a token is to be replaced.
 *
 * @param {string} token
 */
function untilRefresh(token) {
  const payload = /** @type {string} */ (token.split('.')[1]);
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return Math.max(0, (exp - MARGIN) * 1000 - Date.now());
}

const token = await fetchToken();
const connection = new JitsiConnection(null, token, optionsFromEnvironment());

/** @type {NodeJS.Timeout | undefined} */
let timer;

/** @param {string} last the token that is used now */
function schedule(last) {
  timer = setTimeout(refresh, untilRefresh(last));
}

async function refresh() {
  try {
    const next = await fetchToken();
    await connection.refreshToken(next);
    console.log('refreshed');
    schedule(next);
  } catch (error) {
    // The session goes on with the old token as long as its link lives.
    console.error('cannot refresh the token:', error instanceof Error ? error.message : error);
    timer = setTimeout(refresh, 1000);
  }
}

// The link was lost when the token had expired already: the session waits for a new one.
connection.addEventListener(events.connection.CONNECTION_TOKEN_EXPIRED, refresh);

console.log('connected', await connection.connectAsync());
schedule(token);

stdin.resume().once('end', async () => {
  clearTimeout(timer);
  await connection.disconnect();
  console.log('disconnected');
});
