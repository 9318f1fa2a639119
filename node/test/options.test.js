'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { init, JitsiConnection } = require('jitsimeet');

const VALID = { serviceUrl: 'ws://127.0.0.1:1/', hosts: { domain: 'meet.example' } };

function make(options) {
  return new JitsiConnection(null, null, options);
}

/** How an error names the option that is to blame. */
function blames(key) {
  return (error) => {
    assert.ok(error instanceof TypeError);
    const { status, code, key: blamed, message } = error;
    assert.deepEqual({ status, code, blamed }, { status: 'invalid_option', code: 'invalid_option', blamed: key });
    assert.match(message, new RegExp(`\\b${key}\\b`));
    return true;
  };
}

test('an option that is missing is named', () => {
  assert.throws(() => make(), blames('serviceUrl'));
  assert.throws(() => make(null), blames('serviceUrl'));
  assert.throws(() => make({ serviceUrl: VALID.serviceUrl }), blames('hosts.domain'));
});

test('an option of the wrong type is named', () => {
  assert.throws(() => make({ ...VALID, loginTimeout: '5' }), blames('loginTimeout'));
  assert.throws(() => make({ ...VALID, tls: { caCertificates: [5] } }), blames('tls.caCertificates'));
  assert.throws(() => make({ ...VALID, tls: { caCertificates: 'no PEM' } }), blames('tls.caCertificates'));
  assert.throws(() => init({ workerThreads: 'many' }), blames('workerThreads'));
});

test('a value that JSON cannot hold is refused like any other of the wrong type', () => {
  for (const value of [() => 5, Symbol('5'), Number.NaN, Number.POSITIVE_INFINITY, 2n ** 64n]) {
    assert.throws(() => make({ ...VALID, loginTimeout: value }), blames('loginTimeout'));
    assert.throws(() => make({ ...VALID, hosts: value }), blames('hosts'));
  }
  make({ ...VALID, loginTimeout: 5n });
});

test('options that are no object are refused', () => {
  for (const options of [5, 'options', []]) {
    assert.throws(() => make(options), { name: 'TypeError', code: 'invalid_argument' });
  }
});

test('keys that are not known are ignored, as are null and undefined', () => {
  make({ ...VALID, resolution: 720, callback() {}, big: 1n, loginTimeout: null, disconnectTimeout: undefined });
  init({ workerThreads: null, audioQuality: {} });
});
