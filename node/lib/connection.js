'use strict';

const addon = require('./addon.js');
const { assertArgument, checked, toError, unheard } = require('./errors.js');
const hub = require('./hub.js');
const { toJson } = require('./options.js');

/**
 * @typedef {import('./addon.js').Delivery} Delivery
 * @typedef {import('./addon.js').FailureRecord} FailureRecord
 * @typedef {(...args: any[]) => void} Listener
 */

/**
 * @param {string} name
 * @param {unknown} value
 */
function assertText(name, value) {
  assertArgument(value == null || typeof value === 'string', `${name} must be a string or null`);
}

/** @param {{ id?: unknown, password?: unknown } | null | undefined} options */
function assertAnonymous(options) {
  assertArgument(options == null || typeof options === 'object', 'the options of connect must be an object');
  assertArgument(
    options?.id == null && options?.password == null,
    'connect({ id, password }): logging in to an account is not supported yet; only anonymous login is',
  );
}

/** @param {FailureRecord} failure */
function failedArguments(failure) {
  const { errorType, message, jid, code, transient, condition, httpStatus, serverText } = failure;
  const details = {
    code,
    transient,
    ...(condition !== undefined && { condition }),
    ...(httpStatus !== undefined && { http_status: httpStatus }),
    ...(serverText !== undefined && { server_text: serverText }),
  };
  return [errorType, message, jid === undefined ? undefined : { jid }, details];
}

/**
 * What lib-jitsi-meet passes to the listeners of an event.
 *
 * @param {Delivery} delivery
 */
function listenerArguments({ event, id, failure, message }) {
  if (event === addon.CONNECTION_ESTABLISHED) {
    return [id];
  }
  return failure === undefined ? [message] : failedArguments(failure);
}

/** A connection to a Jitsi Meet deployment. Documented in index.d.ts. */
class JitsiConnection {
  #connection;
  /**
   * The arrays are replaced, never changed, so that a dispatch under way goes on with those it began with.
   *
   * @type {Map<string, readonly Listener[]>}
   */
  #listeners = new Map();

  /**
   * @param {string | null} [appID]
   * @param {string | null} [token]
   * @param {object} [options]
   */
  constructor(appID, token, options) {
    assertText('appID', appID);
    assertText('token', token);
    this.#connection = checked(() => hub.createConnection(appID, token, toJson(options)));
  }

  /** @param {{ id?: string, password?: string } | null} [options] */
  connect(options) {
    assertAnonymous(options);
    checked(() => hub.connect(this.#connection, (delivery) => this.#dispatch(delivery)));
  }

  /**
   * @param {{ id?: string, password?: string } | null} [options]
   * @param {{ signal?: AbortSignal }} [control]
   * @returns {Promise<string>}
   */
  connectAsync(options, { signal } = {}) {
    return unheard(
      new Promise((resolve, reject) => {
        assertAnonymous(options);
        assertArgument(signal === undefined || signal instanceof AbortSignal, 'signal must be an AbortSignal');
        signal?.throwIfAborted();
        const abort = () => hub.disconnect(this.#connection, () => {});
        /** @param {Delivery} delivery */
        const settle = ({ jid, error }) => {
          signal?.removeEventListener('abort', abort);
          if (signal?.aborted) {
            reject(signal.reason);
          } else if (error !== undefined) {
            reject(toError(error));
          } else {
            resolve(/** @type {string} */ (jid));
          }
        };
        checked(() => hub.connect(this.#connection, (delivery) => this.#dispatch(delivery), settle));
        signal?.addEventListener('abort', abort, { once: true });
      }),
    );
  }

  /** @returns {Promise<void>} */
  disconnect() {
    return unheard(
      new Promise((resolve, reject) => {
        hub.disconnect(this.#connection, ({ error }) => (error === undefined ? resolve() : reject(toError(error))));
      }),
    );
  }

  getJid() {
    return this.#connection.jid;
  }

  getConnectionTimes() {
    return this.#connection.times(performance.now());
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  addEventListener(event, listener) {
    assertArgument(typeof event === 'string', 'the name of an event must be a string');
    assertArgument(typeof listener === 'function', `the listener of ${event} must be a function`);
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  removeEventListener(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    const last = listeners.lastIndexOf(listener);
    this.#listeners.set(
      event,
      listeners.filter((_, index) => index !== last),
    );
  }

  /** @param {Delivery} delivery */
  #dispatch(delivery) {
    for (const listener of this.#listeners.get(/** @type {string} */ (delivery.event)) ?? []) {
      try {
        Reflect.apply(listener, this, listenerArguments(delivery));
      } catch (error) {
        // As an uncaught exception, as if an EventEmitter had called it, but the others are called all the same.
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }
}

module.exports = { JitsiConnection };
