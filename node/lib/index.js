'use strict';

const addon = require('./addon.js');
const { JitsiConnection } = require('./connection.js');
const {
  JitsiError,
  assertArgument,
  assertMilliseconds,
  assertOptions,
  checked,
  toError,
  unheard,
} = require('./errors.js');
const hub = require('./hub.js');
const { toJson } = require('./options.js');

/** How long `shutdown` waits for connections to close, in ms. */
const SHUTDOWN_TIMEOUT = 5000;

const events = Object.freeze({
  connection: Object.freeze({
    CONNECTION_ESTABLISHED: addon.CONNECTION_ESTABLISHED,
    CONNECTION_FAILED: addon.CONNECTION_FAILED,
    CONNECTION_DISCONNECTED: addon.CONNECTION_DISCONNECTED,
    INTERRUPTED: addon.INTERRUPTED,
    RESUMED: addon.RESUMED,
    STANZA_RECEIVED: addon.STANZA_RECEIVED,
    CONNECTION_REDIRECTED: addon.CONNECTION_REDIRECTED,
    CONNECTION_TOKEN_EXPIRED: addon.CONNECTION_TOKEN_EXPIRED,
    DISPLAY_NAME_REQUIRED: addon.DISPLAY_NAME_REQUIRED,
    PROPERTIES_UPDATED: addon.PROPERTIES_UPDATED,
  }),
});

const errors = Object.freeze({
  connection: Object.freeze({
    PASSWORD_REQUIRED: addon.PASSWORD_REQUIRED,
    CONNECTION_DROPPED_ERROR: addon.CONNECTION_DROPPED_ERROR,
    SERVER_ERROR: addon.SERVER_ERROR,
    OTHER_ERROR: addon.OTHER_ERROR,
    CONFERENCE_REQUEST_FAILED: addon.CONFERENCE_REQUEST_FAILED,
    NOT_LIVE_ERROR: addon.NOT_LIVE_ERROR,
    SHARD_CHANGED_ERROR: addon.SHARD_CHANGED_ERROR,
  }),
});

/** @param {object} [options] */
function init(options) {
  checked(() => addon.init(toJson(options)));
}

/** @param {{ isOnline: boolean }} info */
function setNetworkInfo(info) {
  assertArgument(typeof info?.isOnline === 'boolean', 'isOnline must be a boolean');
  addon.setNetworkInfo(info.isOnline);
}

/** @param {{ timeout?: number | null | undefined } | null | undefined} options */
async function shutdownWithin(options) {
  assertOptions('shutdown', options);
  const timeout = options?.timeout ?? SHUTDOWN_TIMEOUT;
  assertMilliseconds('timeout', timeout);
  const error = await hub.shutdown(timeout);
  if (error !== null) {
    throw toError(error);
  }
}

/** @param {{ timeout?: number | null | undefined } | null} [options] */
function shutdown(options) {
  return unheard(shutdownWithin(options));
}

module.exports = {
  JitsiConnection,
  JitsiError,
  errors,
  events,
  init,
  setNetworkInfo,
  shutdown,
  version: addon.VERSION,
};
