'use strict';

/**
 * @typedef {(...args: any[]) => void} Listener
 * @typedef {object} Entry
 * @property {Listener} listener
 * @property {boolean} once whether it is removed when it is called
 */

/**
 * Throws an error as if an EventEmitter had called who threw it: as an uncaught exception, from where there is nobody
 * to catch it.
 *
 * @param {unknown} error
 */
function throwUncaught(error) {
  process.nextTick(() => {
    throw error;
  });
}

/** The listeners of one connection. */
class Listeners {
  /**
   * The arrays are replaced, never changed, so that a dispatch under way goes on with those it began with.
   *
   * @type {Map<string, readonly Entry[]>}
   */
  #entries = new Map();

  /**
   * @param {string} event
   * @param {Listener} listener
   * @param {boolean} once
   */
  add(event, listener, once) {
    this.#entries.set(event, [...(this.#entries.get(event) ?? []), { listener, once }]);
  }

  /**
   * Removes the listener that was added last, of those that are the same function.
   *
   * @param {string} event
   * @param {Listener} listener
   */
  remove(event, listener) {
    const entries = this.#entries.get(event) ?? [];
    this.#without(
      event,
      entries.findLast((entry) => entry.listener === listener),
    );
  }

  /** @param {string} event */
  has(event) {
    return this.#entries.has(event);
  }

  /**
   * @param {object} connection what listeners see as `this`
   * @param {string} event
   * @param {readonly unknown[]} args
   */
  dispatch(connection, event, args) {
    for (const entry of this.#entries.get(event) ?? []) {
      if (entry.once) {
        this.#without(event, entry);
      }
      try {
        Reflect.apply(entry.listener, connection, args);
      } catch (error) {
        // The others are called all the same.
        throwUncaught(error);
      }
    }
  }

  /**
   * @param {string} event
   * @param {Entry | undefined} gone
   */
  #without(event, gone) {
    const entries = (this.#entries.get(event) ?? []).filter((entry) => entry !== gone);
    if (entries.length > 0) {
      this.#entries.set(event, entries);
    } else {
      this.#entries.delete(event);
    }
  }
}

module.exports = { Listeners, throwUncaught };
