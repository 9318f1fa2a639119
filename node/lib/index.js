'use strict';

const addon = require('./addon.js');
const { assertArgument, assertMilliseconds, assertOptions } = require('./arguments.js');
const { JitsiConnection } = require('./connection.js');
const { JitsiError, checked, toError, unheard } = require('./errors.js');
const { events } = require('./events.js');
const hub = require('./hub.js');
const { logLevels, setLogLevel } = require('./log.js');
const { toJson } = require('./options.js');

/** How long `shutdown` waits for connections to close, in ms. */
const SHUTDOWN_TIMEOUT = 5000;

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

/** @param {{ logLevel?: string | null | undefined }} [options] */
function init(options) {
  checked(() => addon.init(toJson(options)));
  if (options?.logLevel != null) {
    setLogLevel(options.logLevel);
  }
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
  logLevels,
  setLogLevel,
  setNetworkInfo,
  shutdown,
  version: addon.VERSION,
};
