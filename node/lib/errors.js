'use strict';

const addon = require('./addon.js');

/** Why a call of this package failed, or was refused. */
class JitsiError extends Error {
  /** @param {import('./addon.js').ErrorRecord} record */
  constructor({ status, code, message, failure, vnode, focusJid }) {
    super(message);
    this.status = status;
    this.code = code;
    if (failure !== undefined) {
      const { message: _message, jid: _jid, code: _code, ...details } = failure;
      Object.assign(this, details);
    }
    if (vnode !== undefined) {
      Object.assign(this, { vnode, focusJid });
    }
  }

  get name() {
    return 'JitsiError';
  }
}

/**
 * Makes the error that a record of the addon stands for. What the caller of a function got wrong is a TypeError, as in
 * Node.
 *
 * @param {import('./addon.js').ErrorRecord} record
 */
function toError(record) {
  const { status, code, message, key } = record;
  if (status === addon.INVALID_OPTION) {
    return Object.assign(new TypeError(message), { status, code, key });
  }
  if (status === addon.INVALID_ARGUMENT) {
    return Object.assign(new TypeError(message), { status, code });
  }
  return new JitsiError(record);
}

/**
 * Calls the addon, whose exceptions are records.
 *
 * @template Result
 * @param {() => Result} call
 * @returns {Result}
 */
function checked(call) {
  try {
    return call();
  } catch (thrown) {
    // Already an error: a panic, or the caller's options that cannot be read.
    throw thrown instanceof Error ? thrown : toError(/** @type {import('./addon.js').ErrorRecord} */ (thrown));
  }
}

/**
 * Marks the rejection of a promise as handled, so that one that nobody awaits does not end the process. Who does await
 * it still gets the rejection.
 *
 * @template Result
 * @param {Promise<Result>} promise
 */
function unheard(promise) {
  promise.catch(() => {});
  return promise;
}

module.exports = { JitsiError, checked, toError, unheard };
