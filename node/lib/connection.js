'use strict';

const addon = require('./addon.js');
const { assertArgument, assertMilliseconds, assertOptions, checked, toError, unheard } = require('./errors.js');
const hub = require('./hub.js');
const { toJson } = require('./options.js');

/**
 * @typedef {import('./addon.js').Delivery} Delivery
 * @typedef {import('./addon.js').FailureRecord} FailureRecord
 * @typedef {(...args: any[]) => void} Listener
 * @typedef {import('./hub.js').Account} Account
 */

/**
 * @param {string} name
 * @param {unknown} value
 */
function assertText(name, value) {
  assertArgument(value == null || typeof value === 'string', `${name} must be a string or null`);
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function assertString(name, value) {
  assertArgument(typeof value === 'string', `${name} must be a string`);
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
 * What the listeners of an event are called with.
 *
 * @param {Delivery} delivery
 */
function listenerArguments({ event, id, session, failure, message, interruption, resumption, xml, stanza }) {
  switch (event) {
    case addon.CONNECTION_ESTABLISHED:
      return [id, session];
    case addon.CONNECTION_FAILED:
      return failedArguments(/** @type {FailureRecord} */ (failure));
    case addon.INTERRUPTED:
      return [interruption];
    case addon.RESUMED:
      return [resumption];
    case addon.STANZA_RECEIVED:
      return [xml, stanza];
    default:
      return [message];
  }
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

  /** @param {Account | null} [options] */
  connect(options) {
    this.#start(options);
  }

  /**
   * @param {Account | null} [options]
   * @param {{ signal?: AbortSignal | undefined } | null} [control]
   * @returns {Promise<string>}
   */
  connectAsync(options, control) {
    return unheard(
      new Promise((resolve, reject) => {
        assertOptions('connectAsync', control);
        const signal = control?.signal;
        assertArgument(signal === undefined || signal instanceof AbortSignal, 'signal must be an AbortSignal');
        signal?.throwIfAborted();
        const abort = () => this.disconnect();
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
        this.#start(options, settle);
        signal?.addEventListener('abort', abort, { once: true });
      }),
    );
  }

  /** @returns {Promise<void>} */
  disconnect() {
    return this.#call((call) => this.#connection.disconnect(call));
  }

  /**
   * @param {string} token
   * @returns {Promise<void>}
   */
  refreshToken(token) {
    return this.#call((call) => {
      assertString('token', token);
      this.#connection.refreshToken(token, call);
    });
  }

  /**
   * @param {string} xml
   * @returns {Promise<void>}
   */
  sendStanza(xml) {
    return this.#call((call) => {
      assertString('xml', xml);
      this.#connection.sendStanza(xml, call);
    });
  }

  /**
   * @param {string} xml
   * @param {{ timeout?: number | null | undefined } | null} [options]
   * @returns {Promise<string>}
   */
  sendIq(xml, options) {
    return this.#call((call) => {
      assertString('xml', xml);
      assertOptions('sendIq', options);
      const timeout = options?.timeout;
      if (timeout != null) {
        assertMilliseconds('timeout', timeout);
      }
      this.#connection.sendIq(xml, timeout, call);
    });
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
    this.#listen(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  removeEventListener(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    const last = listeners.lastIndexOf(listener);
    this.#listen(
      event,
      listeners.filter((_, index) => index !== last),
    );
  }

  /**
   * @param {string} event
   * @param {readonly Listener[]} listeners
   */
  #listen(event, listeners) {
    this.#listeners.set(event, listeners);
    if (event === addon.STANZA_RECEIVED) {
      this.#connection.setStanzaListening(listeners.length > 0);
    }
  }

  /**
   * Starts an attempt.
   *
   * @param {Account | null | undefined} options
   * @param {(delivery: Delivery) => void} [settle]
   */
  #start(options, settle) {
    assertOptions('connect', options);
    const { id, password } = options ?? {};
    assertText('id', id);
    assertText('password', password);
    checked(() => hub.connect(this.#connection, { id, password }, (delivery) => this.#dispatch(delivery), settle));
  }

  /**
   * Makes a call of the addon, as a promise. What the call throws rejects it.
   *
   * @param {(call: number) => void} start
   * @returns {Promise<any>} of the answer, where the call has one
   */
  #call(start) {
    return unheard(
      new Promise((resolve, reject) => {
        /** @param {Delivery} delivery */
        const settle = ({ xml, error }) => (error === undefined ? resolve(xml) : reject(toError(error)));
        checked(() => hub.call(this.#connection, settle, start));
      }),
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
