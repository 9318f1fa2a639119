'use strict';

/**
 * @typedef {{ event: string, args: readonly unknown[] }} Happening
 * @typedef {(result: IteratorResult<Happening, undefined>) => void} Asker
 *
 * @typedef {object} Source where the events come from
 * @property {(bytes: number) => void} hold counts an event as one that waits
 * @property {(bytes: number) => void} release undoes that
 * @property {() => boolean} active whether more may come
 * @property {() => void} stop the events are wanted no more
 */

/** @type {IteratorReturnResult<undefined>} */
const DONE = Object.freeze({ done: true, value: undefined });

/**
 * The events of a connection, one at a time. What waits here counts as waiting for a listener, so that a program that
 * is slow holds the server back, and not ever more events.
 */
class EventIterator {
  #source;
  /** @type {{ happening: Happening, bytes: number }[]} */
  #waiting = [];
  /** @type {Asker[]} */
  #asking = [];
  /** An attempt has ended since. */
  #ended = false;
  #stopped = false;

  /** @param {Source} source */
  constructor(source) {
    this.#source = source;
  }

  /**
   * @param {Happening} happening
   * @param {number} bytes
   */
  push(happening, bytes) {
    if (this.#stopped) {
      // By a listener of the same event.
      return;
    }
    const ask = this.#asking.shift();
    if (ask !== undefined) {
      ask({ done: false, value: happening });
    } else {
      this.#source.hold(bytes);
      this.#waiting.push({ happening, bytes });
    }
    this.pass();
  }

  /** An event has passed, wanted or not. */
  pass() {
    this.#ended ||= !this.#source.active();
    this.#answerAll();
  }

  /** @returns {Promise<IteratorResult<Happening, undefined>>} */
  next() {
    return new Promise((resolve) => {
      const first = this.#waiting.shift();
      if (first !== undefined) {
        this.#source.release(first.bytes);
        resolve({ done: false, value: first.happening });
        return;
      }
      this.#asking.push(resolve);
      this.#answerAll();
    });
  }

  /** @returns {Promise<IteratorResult<Happening, undefined>>} */
  async return() {
    this.#stop();
    return DONE;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** Ends the iteration for who asks for more when nothing more can come. */
  #answerAll() {
    if (this.#asking.length > 0 && (this.#stopped || (this.#ended && !this.#source.active()))) {
      this.#stop();
    }
  }

  #stop() {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#source.stop();
      for (const { bytes } of this.#waiting) {
        this.#source.release(bytes);
      }
      this.#waiting = [];
    }
    for (const ask of this.#asking.splice(0)) {
      ask(DONE);
    }
  }
}

module.exports = { EventIterator };
