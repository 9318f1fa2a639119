'use strict';

// What this package exposes is what tests/surface.toml lists, in its values and in its types.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const { parse } = require('smol-toml');

const JitsiMeetJS = require('jitsimeet');
const testing = require('jitsimeet/testing');

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
  return [...body(`type ${name} =`, ';').matchAll(/'([^']+)'/g)].map(([, text]) => text);
}

/** The properties of an interface. */
function properties(name) {
  return [...body(`interface ${name} (?:extends \\w+ )?\\{`, '^  }').matchAll(/^ {4}'?([\w.]+)'?\??: /gm)].map(
    ([, property]) => property,
  );
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

/** The methods of a class. */
function methods({ prototype }) {
  return Reflect.ownKeys(prototype).map((key) => (key === Symbol.asyncDispose ? 'Symbol.asyncDispose' : key));
}

test('connection', () => {
  assert.deepEqual(sorted(methods(JitsiMeetJS.JitsiConnection)), sorted([...surface.node.connection, 'constructor']));
});

test('testing', () => {
  assert.deepEqual(Object.keys(testing), ['TestServer']);
  assert.deepEqual(sorted(methods(testing.TestServer)), sorted([...surface.node.testing, 'constructor']));
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
    CONNECTION_REDIRECTED: 'connection.redirected',
    CONNECTION_TOKEN_EXPIRED: 'connection.token_expired',
    DISPLAY_NAME_REQUIRED: 'connection.display_name_required',
    PROPERTIES_UPDATED: 'connection.propertiesUpdated',
  });
  assert.deepEqual(JitsiMeetJS.errors.connection, {
    PASSWORD_REQUIRED: 'connection.passwordRequired',
    CONNECTION_DROPPED_ERROR: 'connection.droppedError',
    SERVER_ERROR: 'connection.serverError',
    OTHER_ERROR: 'connection.otherError',
    CONFERENCE_REQUEST_FAILED: 'connection.conferenceRequestFailed',
    NOT_LIVE_ERROR: 'connection.notLiveError',
    SHARD_CHANGED_ERROR: 'connection.shardChangedError',
  });
});

test('codes, statuses and states', () => {
  assert.deepEqual(sorted(union('ConnectionErrorCode')), sorted(Object.keys(surface.codes)));
  assert.deepEqual(sorted(union('Status')), sorted(Object.keys(surface.statuses)));
  assert.deepEqual(sorted(union('ConnectionState')), sorted(Object.keys(surface.states)));
});

test('log levels', () => {
  // lib-jitsi-meet has one more.
  const names = [...Object.keys(surface.log_levels), 'log'];
  assert.deepEqual(sorted(Object.values(JitsiMeetJS.logLevels)), sorted(names));
  assert.deepEqual(sorted(Object.keys(JitsiMeetJS.logLevels)), sorted(names.map((name) => name.toUpperCase())));
  assert.deepEqual(sorted(union('LogLevel')), sorted(names));
});

test('connection times', () => {
  const names = [...Object.keys(surface.connection_times), 'round_trips'];
  assert.deepEqual(sorted(properties('ConnectionTimes')), sorted(names));
});

test('the types have what the getters return', () => {
  const deploymentInfo = { shard: 'shard', region: 'region' };
  const p2pStunServers = [{ urls: 'turn:turn.example', username: 'user', credential: 'secret' }];
  const hosts = { domain: 'meet.example' };
  const options = { serviceUrl: 'ws://127.0.0.1:1/', hosts, deploymentInfo, p2pStunServers };
  const connection = new JitsiMeetJS.JitsiConnection(null, null, options);
  const typed = (...names) => sorted(names.flatMap(properties));
  assert.deepEqual(sorted(Object.keys(connection.getStatistics())), typed('Statistics'));
  assert.deepEqual(sorted(Object.keys(connection.getLogs())), typed('Logs'));
  // What a server that was not asked does not say.
  const known = (names, unknown) => names.filter((name) => name !== unknown);
  const ofDeployment = known(typed('DeploymentInfo', 'Properties'), 'release');
  assert.deepEqual(sorted(Object.keys(connection.getProperties())), ofDeployment);
  const [server] = connection.getIceServers();
  assert.deepEqual(sorted(Object.keys(server)), known(typed('IceServer'), 'expires'));
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
    ...inside('analytics', 'AnalyticsOptions'),
    ...inside('deploymentInfo', 'DeploymentInfoOptions'),
    ...inside('p2p', 'P2pOptions'),
    ...inside('flags', 'FlagsOptions'),
    ...inside('testing', 'TestingOptions'),
    ...inside('logs', 'LogsOptions'),
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
