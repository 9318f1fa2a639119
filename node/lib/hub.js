'use strict';

// The event hub of this environment: of the process, or of one worker thread, each of which loads this module anew.

const { clearInterval, setImmediate, setInterval } = require('node:timers');
const { isMainThread } = require('node:worker_threads');
const addon = require('./addon.js');

/** How many deliveries one turn of the event loop may take. */
const TURN = 256;
/** How long the end of the process may wait for connections to close in an orderly way, in ms. */
const EXIT_TIMEOUT = 1000;
/** The longest that a timer can wait, in ms. */
const FOREVER = 2 ** 31 - 1;

/**
 * @typedef {import('./addon.js').Connection} Connection
 * @typedef {import('./addon.js').Delivery} Delivery
 * @typedef {(delivery: Delivery) => void} Receive
 *
 * @typedef {object} ConnectOptions without `id` and `password`: a guest
 * @property {string | null | undefined} [id]
 * @property {string | null | undefined} [password]
 * @property {string | null | undefined} [name] of the room
 */

/**
 * A connection with an attempt under way.
 *
 * @typedef {object} Active
 * @property {Receive} receive for its events
 * @property {number} attempts whose end has not been delivered
 * @property {boolean} established whether the first of them has had a session
 */

/**
 * The connections with an attempt under way, which must be neither collected nor forgotten.
 *
 * @type {Map<number, Active>}
 */
const active = new Map();

/**
 * The calls without an outcome. They hold their connection: collecting it would swallow the outcome.
 *
 * @type {Map<number, { connection: Connection, settle: Receive }>}
 */
const calls = new Map();
let lastCall = 0;

/**
 * Taken from the hub and not delivered yet.
 *
 * @type {Delivery[]}
 */
let waiting = [];
/** Whether the hub holds more, of which there will be no wake-up. */
let more = false;

/** @type {NodeJS.Timeout | undefined} */
let alive;

/** @type {import('./addon.js').Hub | undefined} */
let hub;

function open() {
  hub = new addon.Hub(drain);
  if (isMainThread) {
    // Before the process goes, say goodbye: the server would keep the sessions until they time out.
    process.once('exit', () => addon.shutdownAtExit(EXIT_TIMEOUT));
  }
  return hub;
}

/** An event loop with an open connection or a waiting caller stays alive, any other may end. */
function keepAlive() {
  const needed = active.size > 0 || calls.size > 0;
  if (needed && alive === undefined) {
    alive = setInterval(() => {}, FOREVER);
  } else if (!needed) {
    clearInterval(alive);
    alive = undefined;
  }
}

function drain() {
  if (drainTurn()) {
    // Behind the I/O that waits: a flood of events must not starve the program.
    setImmediate(drain);
  }
}

/**
 * Delivers, up to an event of a connection that has settled a call in this turn: who awaits the call is to hear of it
 * before that event, and promises are heard between turns.
 *
 * @returns {boolean} whether there is more
 */
function drainTurn() {
  if (hub === undefined) {
    return false;
  }
  if (waiting.length === 0) {
    ({ deliveries: waiting, more } = hub.drain(TURN));
  }
  const settled = new Set();
  let delivered = 0;
  for (const delivery of waiting) {
    if (delivery.call !== undefined) {
      settled.add(delivery.connection);
    } else if (settled.has(delivery.connection)) {
      break;
    }
    delivered += 1;
    deliver(delivery);
  }
  waiting = waiting.slice(delivered);
  keepAlive();
  return more || waiting.length > 0;
}

/** @param {Delivery} delivery */
function deliver(delivery) {
  if (delivery.call !== undefined) {
    const call = calls.get(delivery.call);
    calls.delete(delivery.call);
    call?.settle(delivery);
    return;
  }
  const connection = active.get(delivery.connection);
  if (connection === undefined) {
    return;
  }
  if (endsAttempt(delivery, connection)) {
    connection.attempts -= 1;
    connection.established = false;
    if (connection.attempts === 0) {
      active.delete(delivery.connection);
    }
  } else if (delivery.event === addon.CONNECTION_ESTABLISHED) {
    connection.established = true;
  }
  connection.receive(delivery);
}

/**
 * @param {Delivery} delivery of an event
 * @param {Active} connection
 */
function endsAttempt({ event }, { established }) {
  switch (event) {
    case addon.CONNECTION_FAILED:
    case addon.CONNECTION_DISCONNECTED:
      return true;
    case addon.CONNECTION_REDIRECTED:
      // A conference request on a session leaves the session as it is.
      return !established;
    default:
      return false;
  }
}

/**
 * Makes a call of the addon whose outcome will be delivered.
 *
 * @param {Connection} connection
 * @param {Receive} settle for the outcome
 * @param {(call: number) => void} start makes the call
 */
function call(connection, settle, start) {
  lastCall += 1;
  calls.set(lastCall, { connection, settle });
  try {
    start(lastCall);
  } catch (error) {
    calls.delete(lastCall);
    throw error;
  }
  keepAlive();
}

/**
 * Makes a connection in this environment's hub.
 *
 * @param {string | null | undefined} appId
 * @param {string | null | undefined} token
 * @param {string} options as JSON
 */
function createConnection(appId, token, options) {
  return (hub ?? open()).createConnection(appId, token, options);
}

/**
 * Starts an attempt.
 *
 * @param {Connection} connection
 * @param {ConnectOptions} options
 * @param {Receive} receive for the events
 * @param {Receive} [settle] for the outcome
 */
function connect(connection, { id, password, name }, receive, settle) {
  if (settle === undefined) {
    connection.connect(id, password, name);
  } else {
    call(connection, settle, (number) => connection.connect(id, password, name, number));
  }
  begin(connection, receive);
}

/**
 * Starts an attempt to attach. Throws what the addon throws.
 *
 * @param {Connection} connection
 * @param {{ jid: string, sid: string, rid: string }} session
 * @param {Receive} receive for the events
 */
function attach(connection, { jid, sid, rid }, receive) {
  connection.attach(jid, sid, rid);
  begin(connection, receive);
}

/**
 * An attempt is under way.
 *
 * @param {Connection} connection
 * @param {Receive} receive for the events
 */
function begin(connection, receive) {
  // The end of an attempt may still be on its way to us when the next one starts.
  const { attempts, established } = active.get(connection.id) ?? { attempts: 0, established: false };
  active.set(connection.id, { receive, attempts: attempts + 1, established });
  keepAlive();
}

/**
 * Closes all connections of the process.
 *
 * @param {number} timeout in ms
 * @returns {Promise<import('./addon.js').ErrorRecord | null>} when the events of this environment are delivered
 */
async function shutdown(timeout) {
  const error = await addon.shutdown(timeout);
  while (drainTurn()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return error;
}

module.exports = { attach, call, connect, createConnection, shutdown };
