'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { STANZA_RECEIVED, happens, startServer } = require('./support.js');

const FEATURE = 'http://jitsi.org/remotecontrol';

/** What a client answers when another one asks for its features. */
async function advertised(server, asking, asked) {
  const answered = happens(asking, STANZA_RECEIVED);
  const query = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
  const iq = `<iq xmlns='jabber:client' type='get' id='info' from='${asking.getJid()}'>${query}</iq>`;
  await server.deliver(asked.getJid(), iq);
  const [answer, { type, id }] = await answered;
  assert.deepEqual([type, id], ['result', 'info']);
  return [...answer.matchAll(/<feature [^>]*var=['"]([^'"]+)['"]/g)].map(([, feature]) => feature);
}

test('features are advertised from when they are added until they are removed', async (t) => {
  const server = await startServer(t);
  const [asking, asked] = [server.connection(), server.connection()];
  assert.equal(asked.addFeature('urn:example:early'), undefined);
  await asking.connectAsync();
  await asked.connectAsync();
  const own = await advertised(server, asking, asked);
  assert.ok(own.includes('urn:example:early') && !own.includes(FEATURE), `${own}`);

  asked.addFeature(FEATURE, true);
  asked.addFeature(FEATURE, null);
  assert.deepEqual((await advertised(server, asking, asked)).toSorted(), [...own, FEATURE].toSorted());
  assert.equal(asked.removeFeature(FEATURE, true), undefined);
  asked.removeFeature('urn:example:never-added', false);
  assert.deepEqual(await advertised(server, asking, asked), own);

  // Its own, too.
  asked.removeFeature(own[0]);
  assert.deepEqual(await advertised(server, asking, asked), own.slice(1));
  await Promise.all([asking.disconnect(), asked.disconnect()]);
});

test('what is no feature is refused', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  const cases = [
    [[], /feature/],
    [[null], /feature/],
    [[5, true], /feature/],
    [[[FEATURE]], /feature/],
    [[''], /feature/],
    [['urn:example\n'], /feature/],
    [[FEATURE, 'true'], /submit/],
    [[FEATURE, 1], /submit/],
  ];
  for (const [args, message] of cases) {
    const refused = { name: 'TypeError', status: 'invalid_argument', code: 'invalid_argument', message };
    assert.throws(() => connection.addFeature(...args), refused);
    assert.throws(() => connection.removeFeature(...args), refused);
  }
});
