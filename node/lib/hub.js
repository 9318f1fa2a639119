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
 */

/**
 * The lines with an attempt or a call under way. They must be neither collected nor forgotten.
 *
 * @type {Map<number, Line>}
 */
const busy = new Map();
/** How many of them keep the event loop alive. */
let keeping = 0;

/**
 * The calls without an outcome.
 *
 * @type {Map<number, { line: Line, settle: Receive }>}
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

/** A connection as the hub sees it. */
class Line {
  #receive;
  /** The attempts whose end has not been delivered. */
  #attempts = 0;
  /** Whether the first of them has had a session. */
  #established = false;
  #calls = 0;
  #referenced = true;

  /**
   * Makes a connection in this environment's hub.
   *
   * @param {string | null | undefined} appId
   * @param {string | null | undefined} token
   * @param {string} options as JSON
   * @param {Receive} receive for its events
   */
  constructor(appId, token, options, receive) {
    this.connection = (hub ?? open()).createConnection(appId, token, options);
    this.#receive = receive;
  }

  /** Whether an attempt is under way, or its end is on its way to us. */
  get active() {
    return this.#attempts > 0;
  }

  /** @param {boolean} referenced whether it keeps the event loop alive while it is busy */
  setReferenced(referenced) {
    if (this.#referenced !== referenced) {
      this.#referenced = referenced;
      if (busy.has(this.connection.id)) {
        keeping += referenced ? 1 : -1;
      }
      keepAlive();
    }
  }

  /**
   * Makes a call of the addon whose outcome will be delivered.
   *
   * @param {Receive} settle for the outcome
   * @param {(call: number) => void} start makes the call
   */
  call(settle, start) {
    const call = lastCall + 1;
    start(call);
    lastCall = call;
    calls.set(call, { line: this, settle });
    this.#calls += 1;
    this.#update();
  }

  /**
   * Starts an attempt.
   *
   * @param {(call?: number) => void} start makes the call of the addon that starts it
   * @param {Receive} [settle] for the outcome
   */
  begin(start, settle) {
    if (settle === undefined) {
      start();
    } else {
      this.call(settle, start);
    }
    // The end of an attempt may still be on its way to us when the next one starts.
    this.#attempts += 1;
    this.#update();
  }

  settled() {
    this.#calls -= 1;
    this.#update();
  }

  /** @param {Delivery} delivery of an event */
  receive(delivery) {
    if (this.#ends(delivery)) {
      this.#attempts -= 1;
      this.#established = false;
      this.#update();
    } else if (delivery.event === addon.CONNECTION_ESTABLISHED) {
      this.#established = true;
    }
    this.#receive(delivery);
  }

  /** @param {Delivery} delivery of an event */
  #ends({ event }) {
    switch (event) {
      case addon.CONNECTION_FAILED:
      case addon.CONNECTION_DISCONNECTED:
        return true;
      case addon.CONNECTION_REDIRECTED:
        // A conference request on a session leaves the session as it is.
        return !this.#established;
      default:
        return false;
    }
  }

  #update() {
    const { id } = this.connection;
    const needed = this.#attempts > 0 || this.#calls > 0;
    if (needed !== busy.has(id)) {
      if (needed) {
        busy.set(id, this);
      } else {
        busy.delete(id);
      }
      if (this.#referenced) {
        keeping += needed ? 1 : -1;
      }
      if (needed) {
        keepAlive();
      }
    }
  }
}

/**
 * An event loop with an open connection or a waiting caller stays alive, any other may end. The end is looked at once a
 * turn: who hears of one often begins anew.
 */
function keepAlive() {
  if (keeping > 0 && alive === undefined) {
    alive = setInterval(() => {}, FOREVER);
  } else if (keeping === 0) {
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
  if (delivery.call === undefined) {
    busy.get(delivery.connection)?.receive(delivery);
    return;
  }
  const call = calls.get(delivery.call);
  if (call !== undefined) {
    calls.delete(delivery.call);
    call.settle(delivery);
    call.line.settled();
  }
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

module.exports = { Line, shutdown };
