'use strict';

const addon = require('./addon.js');
const { JitsiConnection } = require('./connection.js');
const { JitsiError, assertArgument, checked, toError, unheard } = require('./errors.js');
const hub = require('./hub.js');
const { toJson } = require('./options.js');

/** How long `shutdown` waits for connections to close, in ms. */
const SHUTDOWN_TIMEOUT = 5000;

const events = Object.freeze({
  connection: Object.freeze({
    CONNECTION_ESTABLISHED: addon.CONNECTION_ESTABLISHED,
    CONNECTION_FAILED: addon.CONNECTION_FAILED,
    CONNECTION_DISCONNECTED: addon.CONNECTION_DISCONNECTED,
  }),
});

const errors = Object.freeze({
  connection: Object.freeze({
    PASSWORD_REQUIRED: addon.PASSWORD_REQUIRED,
    CONNECTION_DROPPED_ERROR: addon.CONNECTION_DROPPED_ERROR,
    SERVER_ERROR: addon.SERVER_ERROR,
    OTHER_ERROR: addon.OTHER_ERROR,
  }),
});

/** @param {object} [options] */
function init(options) {
  checked(() => addon.init(toJson(options)));
}

/** @param {number} timeout */
async function shutdownWithin(timeout) {
  const valid = Number.isInteger(timeout) && timeout >= 0 && timeout < 2 ** 31;
  assertArgument(valid, 'timeout must be a whole number of milliseconds');
  const error = await hub.shutdown(timeout);
  if (error !== null) {
    throw toError(error);
  }
}

/** @param {{ timeout?: number }} [options] */
function shutdown({ timeout = SHUTDOWN_TIMEOUT } = {}) {
  return unheard(shutdownWithin(timeout));
}

module.exports = { JitsiConnection, JitsiError, errors, events, init, shutdown, version: addon.VERSION };
