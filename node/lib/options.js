'use strict';

/** A value that is of the wrong type for every option. */
const WRONG_TYPE = 0.5;

/**
 * JSON drops functions and symbols and turns NaN into null, which would read as "not given". The value of an option
 * must not vanish like that: it becomes one that the check of the options refuses, naming the key.
 *
 * @param {string} _key
 * @param {unknown} value
 */
function keepMistakes(_key, value) {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      return WRONG_TYPE;
    case 'number':
      return Number.isFinite(value) ? value : WRONG_TYPE;
    case 'bigint':
      return Number(value);
    default:
      return value;
  }
}

/**
 * Options as the addon reads them. Not given means none.
 *
 * @param {unknown} options
 * @returns {string}
 */
function toJson(options) {
  return JSON.stringify(options ?? {}, keepMistakes);
}

module.exports = { toJson };
