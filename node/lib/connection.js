'use strict';

const addon = require('./addon.js');
const { assertArgument, assertMilliseconds, assertOptions, checked, toError, unheard } = require('./errors.js');
const hub = require('./hub.js');
const { toJson } = require('./options.js');

/**
 * @typedef {import('./addon.js').Delivery} Delivery
 * @typedef {import('./addon.js').FailureRecord} FailureRecord
 * @typedef {(...args: any[]) => void} Listener
 * @typedef {import('./hub.js').ConnectOptions} ConnectOptions
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

/**
 * Throws unless a timeout is left out or one.
 *
 * @param {number | null | undefined} timeout
 */
function assertTimeout(timeout) {
  if (timeout != null) {
    assertMilliseconds('timeout', timeout);
  }
}

/**
 * @param {unknown} feature
 * @param {unknown} submit
 */
function assertFeature(feature, submit) {
  assertString('feature', feature);
  assertArgument(submit == null || typeof submit === 'boolean', 'submit must be a boolean');
}

/** @param {FailureRecord} failure */
function failedArguments(failure) {
  const { errorType, message, jid, code, transient, condition } = failure;
  const { httpStatus, serverText, shardChanged, timeSinceLastSuccess } = failure;
  const details = {
    code,
    transient,
    ...(condition !== undefined && { condition }),
    ...(httpStatus !== undefined && { http_status: httpStatus }),
    ...(serverText !== undefined && { server_text: serverText }),
    ...(shardChanged !== undefined && { shard_changed: shardChanged }),
    ...(timeSinceLastSuccess !== undefined && { time_since_last_success: timeSinceLastSuccess }),
  };
  return [errorType, message, jid === undefined ? undefined : { jid }, details];
}

/**
 * What the listeners of an event are called with.
 *
 * @param {Delivery} delivery
 */
function listenerArguments(delivery) {
  switch (delivery.event) {
    case addon.CONNECTION_ESTABLISHED:
      return [delivery.id, delivery.session];
    case addon.CONNECTION_FAILED:
      return failedArguments(/** @type {FailureRecord} */ (delivery.failure));
    case addon.CONNECTION_DISCONNECTED:
      return [delivery.message];
    case addon.CONNECTION_REDIRECTED:
      return [delivery.vnode, delivery.focusJid];
    case addon.PROPERTIES_UPDATED:
      return [delivery.properties];
    case addon.INTERRUPTED:
      return [delivery.interruption];
    case addon.RESUMED:
      return [delivery.resumption];
    case addon.STANZA_RECEIVED:
      return [delivery.xml, delivery.stanza];
    default:
      return [];
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

  /** @param {ConnectOptions | null} [options] */
  connect(options) {
    this.#start(options);
  }

  /**
   * @param {ConnectOptions | null} [options]
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

  /** @param {{ jid: string, sid: string, rid: number | string }} session */
  attach(session) {
    assertOptions('attach', session);
    const { jid, sid, rid } = session ?? {};
    assertString('jid', jid);
    assertString('sid', sid);
    assertArgument(typeof rid === 'number' || typeof rid === 'string', 'rid must be a number or a string');
    const numbered = { jid, sid, rid: String(rid) };
    checked(() => hub.attach(this.#connection, numbered, (delivery) => this.#dispatch(delivery)));
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
    return this.#call(
      (call) => {
        assertString('xml', xml);
        assertOptions('sendIq', options);
        const timeout = options?.timeout;
        assertTimeout(timeout);
        this.#connection.sendIq(xml, timeout, call);
      },
      ({ xml }) => xml,
    );
  }

  /**
   * @param {number | null} [timeout]
   * @returns {Promise<number>}
   */
  ping(timeout) {
    return this.#call(
      (call) => {
        assertTimeout(timeout);
        this.#connection.ping(timeout, call);
      },
      ({ roundTrip }) => roundTrip,
    );
  }

  /**
   * @param {string} room
   * @returns {Promise<object>}
   */
  sendConferenceRequest(room) {
    return this.#call(
      (call) => {
        assertString('room', room);
        this.#connection.sendConferenceRequest(room, call);
      },
      ({ conference }) => JSON.parse(/** @type {string} */ (conference)),
    );
  }

  /**
   * @param {string} feature
   * @param {boolean | null} [submit]
   */
  addFeature(feature, submit) {
    assertFeature(feature, submit);
    checked(() => this.#connection.addFeature(feature, submit ?? false));
  }

  /**
   * @param {string} feature
   * @param {boolean | null} [submit]
   */
  removeFeature(feature, submit) {
    assertFeature(feature, submit);
    checked(() => this.#connection.removeFeature(feature, submit ?? false));
  }

  getJid() {
    return this.#connection.jid;
  }

  getState() {
    return this.#connection.state;
  }

  getConnectionTimes() {
    return this.#connection.times(performance.now());
  }

  getStatistics() {
    return JSON.parse(this.#connection.statistics());
  }

  getLogs() {
    const { metadata } = JSON.parse(this.#connection.logs());
    return { metadata: { ...metadata, time: new Date(metadata.time) } };
  }

  getProperties() {
    return JSON.parse(this.#connection.properties());
  }

  getIceServers() {
    return JSON.parse(this.#connection.iceServers());
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
   * @param {ConnectOptions | null | undefined} options
   * @param {(delivery: Delivery) => void} [settle]
   */
  #start(options, settle) {
    assertOptions('connect', options);
    const { id, password, name } = options ?? {};
    assertText('id', id);
    assertText('password', password);
    assertText('name', name);
    /** @param {Delivery} delivery */
    const receive = (delivery) => this.#dispatch(delivery);
    checked(() => hub.connect(this.#connection, { id, password, name }, receive, settle));
  }

  /**
   * Makes a call of the addon, as a promise. What the call throws rejects it.
   *
   * @param {(call: number) => void} start
   * @param {(delivery: Delivery) => unknown} [answer] what it resolves with, where that is something
   * @returns {Promise<any>}
   */
  #call(start, answer = () => {}) {
    return unheard(
      new Promise((resolve, reject) => {
        /** @param {Delivery} delivery */
        const settle = (delivery) =>
          delivery.error === undefined ? resolve(answer(delivery)) : reject(toError(delivery.error));
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
