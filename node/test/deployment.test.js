'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { DISPLAY_NAME_REQUIRED, PROPERTIES_UPDATED, happens, startServer } = require('./support.js');

const STUN = { urls: 'stun:stun.example:3478' };
const TURN = { urls: ['turn:turn.example', 'turns:turn.example'], username: 'user', credential: 'secret' };

/** A message in which a deployment tells what it is. */
function push(...payload) {
  return `<message xmlns='jabber:client' from='meet.example'>${payload.join('')}</message>`;
}

function info(identities, features = []) {
  const identity = ([type, name]) => `<identity category='component' type='${type}' name='${name}'/>`;
  const feature = (name) => `<feature var='${name}'/>`;
  const children = [...Object.entries(identities).map(identity), ...features.map(feature)];
  return `<query xmlns='http://jabber.org/protocol/disco#info'>${children.join('')}</query>`;
}

test('properties are those of the options until the deployment tells its own', async (t) => {
  const server = await startServer(t);
  const options = { deploymentInfo: { shard: 'old', region: 'here', userRegion: 'there' } };
  assert.deepEqual(server.connection().getProperties(), { components: {}, features: [] });
  const connection = server.connection(options);
  assert.deepEqual(connection.getProperties(), { shard: 'old', region: 'here', components: {}, features: [] });

  const jid = await connection.connectAsync();
  const updated = happens(connection, PROPERTIES_UPDATED);
  const components = { lobbyrooms: 'lobby.meet.example', av_moderation: 'avmoderation.meet.example' };
  await server.deliver(jid, push(info({ shard: 'new', release: '7', ...components }, ['urn:example'])));
  assert.deepEqual(await updated, [{ shard: 'new' }]);
  const { features, ...properties } = connection.getProperties();
  // What the server does not say of its place, the options still do.
  assert.deepEqual(properties, { shard: 'new', region: 'here', release: '7', components });
  assert.ok(features.includes('urn:example'), `${features}`);
  await connection.disconnect();
});

test('the listeners hear of a shard and a region when they change', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const jid = await connection.connectAsync();
  const heard = [];
  connection.addEventListener(PROPERTIES_UPDATED, (...args) => heard.push(args));
  for (const [shard, region] of [
    ['one', 'here'],
    ['one', 'here'],
    ['one', 'there'],
  ]) {
    await server.deliver(jid, push(info({ shard, region })));
  }
  // Answered behind all that came before.
  await connection.ping();
  assert.deepEqual(heard, [[{ shard: 'one', region: 'here' }], [{ shard: 'one', region: 'there' }]]);
  await connection.disconnect();
});

test('a deployment that wants display names says so', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const jid = await connection.connectAsync();
  const required = happens(connection, DISPLAY_NAME_REQUIRED);
  const feature = 'http://jitsi.org/protocol/lobbyrooms#displayname_required';
  await server.deliver(jid, push(info({ lobbyrooms: 'lobby.meet.example' }, [feature])));
  assert.deepEqual(await required, []);
  await connection.disconnect();
});

test('ICE servers are those of the options, as WebRTC takes them', async (t) => {
  const server = await startServer(t);
  assert.deepEqual(server.connection().getIceServers(), []);
  const connection = server.connection({ p2pStunServers: [STUN], p2p: { enabled: true, stunServers: [TURN] } });
  assert.deepEqual(connection.getIceServers(), [{ urls: [STUN.urls] }, TURN]);
});

test('ICE servers are those that the server names, too, until they expire', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ p2pStunServers: [STUN] });
  const jid = await connection.connectAsync();
  const expires = Math.floor(Date.now() / 1000) * 1000 + 3_600_000;
  const turn = (host, milliseconds) =>
    `<service type='turns' host='${host}' port='443' transport='tcp' username='user' password='secret'
      expires='${new Date(milliseconds).toISOString()}'/>`;
  const services = [
    turn('good.example', expires),
    turn('expired.example', 0),
    "<service type='stun' host='a.example'/>",
  ];
  await server.deliver(jid, push(`<services xmlns='urn:xmpp:extdisco:2'>${services.join('')}</services>`));
  await connection.ping();
  assert.deepEqual(connection.getIceServers(), [
    { urls: [STUN.urls] },
    { urls: ['turns:good.example:443?transport=tcp'], username: 'user', credential: 'secret', expires },
    { urls: ['stun:a.example'] },
  ]);
  assert.doesNotMatch(JSON.stringify(connection.getLogs()), /secret/);
  await connection.disconnect();
});
