'use strict';

// What the library logs. It is the whole process that logs: the records go to the environment that asked last.

const { setImmediate } = require('node:timers');
const addon = require('./addon.js');
const { assertArgument, assertString } = require('./arguments.js');
const { checked } = require('./errors.js');
const { throwUncaught } = require('./listeners.js');

/** How many records one turn of the event loop may take. */
const TURN = 256;

/**
 * @typedef {object} LogRecord
 * @property {Date} time
 * @property {'error' | 'warn' | 'info' | 'debug' | 'trace'} level
 * @property {string} module
 * @property {number} [connection]
 * @property {string} message
 */

const logLevels = Object.freeze({
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  LOG: 'log',
  WARN: 'warn',
  ERROR: 'error',
  OFF: 'off',
});

/**
 * Prints a record as the logger of lib-jitsi-meet does.
 *
 * @param {LogRecord} record
 */
function print({ time, level, module, connection, message }) {
  const about = connection === undefined ? '' : ` [connection ${connection}]`;
  // The trace of the console comes with a stack, which would be that of this function.
  const method = level === 'trace' ? 'debug' : level;
  console[method](`${time.toISOString()} [${level.toUpperCase()}] [${module}]${about} ${message}`);
}

/** @type {(record: LogRecord) => void} */
let handler = print;

/** @type {import('./addon.js').Log | undefined} */
let log;

function open() {
  log = new addon.Log(drain);
  // A wake-up does not keep the event loop alive: what waits at its end is told then.
  process.once('exit', () => {
    while (drainTurn()) {
      // Until there is no more.
    }
  });
  return log;
}

function drain() {
  if (drainTurn()) {
    setImmediate(drain);
  }
}

/** @returns {boolean} whether there is more */
function drainTurn() {
  if (log === undefined) {
    return false;
  }
  const { records, more } = log.drain(TURN);
  for (const { time, target, ...record } of records) {
    try {
      handler({ time: new Date(time), module: target.replaceAll('::', '/'), ...record });
    } catch (error) {
      throwUncaught(error);
    }
  }
  return more;
}

/**
 * @param {string} level
 * @param {((record: LogRecord) => void) | null} [to]
 */
function setLogLevel(level, to) {
  assertString('level', level);
  assertArgument(to == null || typeof to === 'function', 'the handler of log records must be a function');
  checked(() => (log ?? open()).setLevel(level));
  handler = to ?? print;
}

module.exports = { logLevels, setLogLevel };
