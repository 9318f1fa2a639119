'use strict';

const addon = require('./addon.js');
const {
  assertArgument,
  assertEvent,
  assertFeature,
  assertListener,
  assertOptions,
  assertString,
  assertText,
  assertTimeout,
} = require('./arguments.js');
const { checked, toError, unheard } = require('./errors.js');
const { NAMES, listenerArguments } = require('./events.js');
const { Line } = require('./hub.js');
const { EventIterator } = require('./iterator.js');
const { Listeners } = require('./listeners.js');
const { toJson } = require('./options.js');

/**
 * @typedef {import('./addon.js').Delivery} Delivery
 * @typedef {import('./listeners.js').Listener} Listener
 *
 * @typedef {object} ConnectOptions without `id` and `password`: a guest
 * @property {string | null | undefined} [id]
 * @property {string | null | undefined} [password]
 * @property {string | null | undefined} [name] of the room
 */

/** A connection to a Jitsi Meet deployment. Documented in index.d.ts. */
class JitsiConnection {
  #line;
  #connection;
  #listeners = new Listeners();
  /**
   * Those that iterate, by what they iterate over.
   *
   * @type {Map<InstanceType<typeof EventIterator>, ReadonlySet<string>>}
   */
  #iterators = new Map();
  #stanzas = false;

  /**
   * @param {string | null} [appID]
   * @param {string | null} [token]
   * @param {object} [options]
   */
  constructor(appID, token, options) {
    assertText('appID', appID);
    assertText('token', token);
    /** @param {Delivery} delivery */
    const receive = (delivery) => this.#dispatch(delivery);
    this.#line = checked(() => new Line(appID, token, toJson(options), receive));
    this.#connection = this.#line.connection;
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
    checked(() => this.#line.begin(() => this.#connection.attach(jid, sid, String(rid))));
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
    this.#add(event, listener, false);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  removeEventListener(event, listener) {
    assertListener(event, listener);
    this.#listeners.remove(event, listener);
    this.#listen(event);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  on(event, listener) {
    return this.#add(event, listener, false);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  once(event, listener) {
    return this.#add(event, listener, true);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  off(event, listener) {
    this.removeEventListener(event, listener);
    return this;
  }

  /**
   * As `off`: `once` and `on` of node:events call it by this name.
   *
   * @param {string} event
   * @param {Listener} listener
   */
  removeListener(event, listener) {
    return this.off(event, listener);
  }

  /** @param {string[]} names */
  events(...names) {
    names.forEach(assertEvent);
    const wanted = new Set(names.length > 0 ? names : NAMES);
    const iterator = new EventIterator({
      hold: (bytes) => this.#connection.holdEvent(bytes),
      release: (bytes) => this.#connection.releaseEvent(bytes),
      active: () => this.#line.active,
      stop: () => {
        this.#iterators.delete(iterator);
        this.#listen(addon.STANZA_RECEIVED);
      },
    });
    this.#iterators.set(iterator, wanted);
    this.#listen(addon.STANZA_RECEIVED);
    return iterator;
  }

  ref() {
    this.#line.setReferenced(true);
    return this;
  }

  unref() {
    this.#line.setReferenced(false);
    return this;
  }

  [Symbol.asyncDispose]() {
    return this.disconnect();
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   * @param {boolean} once
   */
  #add(event, listener, once) {
    assertListener(event, listener);
    this.#listeners.add(event, listener, once);
    this.#listen(event);
    return this;
  }

  /**
   * Says whether stanzas are wanted, when that may have changed.
   *
   * @param {string} event
   */
  #listen(event) {
    if (event === addon.STANZA_RECEIVED) {
      const iterated = [...this.#iterators.values()].some((names) => names.has(event));
      const wanted = iterated || this.#listeners.has(event);
      if (wanted !== this.#stanzas) {
        this.#stanzas = wanted;
        this.#connection.setStanzaListening(wanted);
      }
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
    checked(() => this.#line.begin((call) => this.#connection.connect(id, password, name, call), settle));
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
        checked(() => this.#line.call(settle, start));
      }),
    );
  }

  /** @param {Delivery} delivery */
  #dispatch(delivery) {
    const event = /** @type {string} */ (delivery.event);
    const args = listenerArguments(delivery);
    // An iteration that a listener begins has the events after this one.
    const iterators = [...this.#iterators];
    this.#listeners.dispatch(this, event, args);
    if (event === addon.STANZA_RECEIVED) {
      // A listener for once is gone now.
      this.#listen(event);
    }
    for (const [iterator, names] of iterators) {
      if (names.has(event)) {
        iterator.push({ event, args }, delivery.xml?.length ?? 0);
      } else {
        iterator.pass();
      }
    }
  }
}

module.exports = { JitsiConnection };
