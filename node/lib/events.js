'use strict';

const addon = require('./addon.js');

/**
 * @typedef {import('./addon.js').Delivery} Delivery
 * @typedef {import('./addon.js').FailureRecord} FailureRecord
 */

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

/** Every event. */
const NAMES = Object.freeze(Object.values(events.connection));

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

module.exports = { NAMES, events, listenerArguments };
