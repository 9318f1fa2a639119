'use strict';

// What this package exposes is what tests/surface.toml lists, in its values and in its types.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const { parse } = require('smol-toml');

const JitsiMeetJS = require('jitsimeet');

const surface = parse(fs.readFileSync(path.join(__dirname, '../../tests/surface.toml'), 'utf8'));
const declarations = fs.readFileSync(path.join(__dirname, '../index.d.ts'), 'utf8');

function sorted(names) {
  return [...names].sort();
}

/** The body of a type of index.d.ts, without comments. */
function body(start, end) {
  const [, text] = declarations.match(new RegExp(`^  ${start}(.*?)${end}$`, 'ms'));
  return text.replaceAll(/\/\*\*.*?\*\//gs, '');
}

/** The strings of a union type. */
function union(name) {
  return [...body(`type ${name} =`, ';').matchAll(/'(.+)'/g)].map(([, text]) => text);
}

/** The properties of an interface. */
function properties(name) {
  return [...body(`interface ${name} {`, '^  }').matchAll(/^ {4}'?([\w.]+)'?\??: /gm)].map(([, property]) => property);
}

test('module', async () => {
  assert.deepEqual(sorted(Object.keys(JitsiMeetJS)), sorted(surface.node.module));
  const module = await import('jitsimeet');
  assert.deepEqual(sorted(Object.keys(module)), sorted([...surface.node.module, 'default']));
  assert.equal(module.default, JitsiMeetJS);
  for (const name of surface.node.module) {
    assert.equal(module[name], JitsiMeetJS[name]);
  }
});

test('connection', () => {
  const methods = Object.getOwnPropertyNames(JitsiMeetJS.JitsiConnection.prototype);
  assert.deepEqual(sorted(methods), sorted([...surface.node.connection, 'constructor']));
});

test('events', () => {
  const names = Object.keys(surface.events);
  assert.deepEqual(sorted(Object.values(JitsiMeetJS.events.connection)), sorted(names));
  assert.deepEqual(sorted(properties('ConnectionEvents')), sorted(names));
});

test('error types', () => {
  const names = Object.keys(surface.error_types);
  assert.deepEqual(sorted(Object.values(JitsiMeetJS.errors.connection)), sorted(names));
  assert.deepEqual(sorted(union('ConnectionErrorType')), sorted(names));
});

test('the names are those of lib-jitsi-meet, and ours', () => {
  assert.deepEqual(JitsiMeetJS.events.connection, {
    CONNECTION_ESTABLISHED: 'connection.connectionEstablished',
    CONNECTION_FAILED: 'connection.connectionFailed',
    CONNECTION_DISCONNECTED: 'connection.connectionDisconnected',
    INTERRUPTED: 'connection.interrupted',
    RESUMED: 'connection.resumed',
    STANZA_RECEIVED: 'connection.stanzaReceived',
  });
  assert.deepEqual(JitsiMeetJS.errors.connection, {
    PASSWORD_REQUIRED: 'connection.passwordRequired',
    CONNECTION_DROPPED_ERROR: 'connection.droppedError',
    SERVER_ERROR: 'connection.serverError',
    OTHER_ERROR: 'connection.otherError',
  });
});

test('codes and statuses', () => {
  assert.deepEqual(sorted(union('ConnectionErrorCode')), sorted(Object.keys(surface.codes)));
  assert.deepEqual(sorted(union('Status')), sorted(Object.keys(surface.statuses)));
});

test('connection times', () => {
  const names = [...Object.keys(surface.connection_times), 'round_trips'];
  assert.deepEqual(sorted(properties('ConnectionTimes')), sorted(names));
});

test('the types have the options', () => {
  const inside = (parent, name) => properties(name).map((property) => `${parent}.${property}`);
  const typed = [
    ...properties('ConnectionOptions'),
    ...inside('hosts', 'HostsOptions'),
    ...inside('xmppPing', 'XmppPingOptions'),
    ...inside('transport', 'TransportOptions'),
    ...inside('tls', 'TlsOptions'),
    ...inside('sasl', 'SaslOptions'),
    ...inside('resume', 'ResumeOptions'),
    ...inside('reconnect', 'ReconnectOptions'),
    ...inside('sendQueue', 'SendQueueOptions'),
    ...inside('eventQueue', 'EventQueueOptions'),
  ];
  assert.deepEqual(sorted(typed), sorted(surface.options.connection));
  assert.deepEqual(sorted(properties('InitOptions')), sorted(surface.options.init));
});

test('every option is checked, and those without effect accept anything', () => {
  const valid = { serviceUrl: 'ws://127.0.0.1:1/', hosts: { domain: 'meet.example' } };
  const make = (options) => new JitsiMeetJS.JitsiConnection(null, null, options);
  for (const option of [...surface.options.connection, ...surface.options.init]) {
    const options = structuredClone(valid);
    const keys = option.split('.');
    const parent = keys.slice(0, -1).reduce((object, key) => {
      object[key] ??= {};
      return object[key];
    }, options);
    parent[keys.at(-1)] = 0.5;
    assert.throws(() => make(options), { name: 'TypeError', code: 'invalid_option', key: option });
  }
  for (const option of surface.options.no_effect) {
    for (const value of [true, 5, 'text', [], {}]) {
      make({ ...valid, [option]: value });
      JitsiMeetJS.init({ [option]: value });
    }
  }
});
