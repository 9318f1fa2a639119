'use strict';

// The checks of what callers pass.

const addon = require('./addon.js');
const { toError } = require('./errors.js');

/**
 * Throws unless an argument is what it must be.
 *
 * @param {boolean} valid
 * @param {string} message
 */
function assertArgument(valid, message) {
  if (!valid) {
    throw toError({ status: addon.INVALID_ARGUMENT, code: addon.INVALID_ARGUMENT, message });
  }
}

/**
 * Throws unless a collection of named arguments is one.
 *
 * @param {string} call whose arguments they are
 * @param {unknown} value
 */
function assertOptions(call, value) {
  assertArgument(value == null || typeof value === 'object', `the options of ${call} must be an object`);
}

/**
 * Throws unless an argument is a duration.
 *
 * @param {string} name
 * @param {any} value
 */
function assertMilliseconds(name, value) {
  const valid = Number.isInteger(value) && value >= 0 && value < 2 ** 31;
  assertArgument(valid, `${name} must be a whole number of milliseconds`);
}

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

/** @param {unknown} event */
function assertEvent(event) {
  assertArgument(typeof event === 'string', 'the name of an event must be a string');
}

/**
 * @param {unknown} event
 * @param {unknown} listener
 */
function assertListener(event, listener) {
  assertEvent(event);
  assertArgument(typeof listener === 'function', `the listener of ${event} must be a function`);
}

module.exports = {
  assertArgument,
  assertEvent,
  assertFeature,
  assertListener,
  assertMilliseconds,
  assertOptions,
  assertString,
  assertText,
  assertTimeout,
};
