'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { JitsiConnection } = require('jitsimeet');
const {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  CONNECTION_REDIRECTED,
  happens,
  record,
  run,
  startHttp,
  startServer,
  status,
} = require('./support.js');

const READY = { ready: true, focusJid: 'focus@auth.meet.example', properties: { authentication: false } };
const REDIRECTION = { ...READY, vnode: 'v1' };

/** A focus that answers conference requests over HTTP, each with the next of the answers, the last one for ever. */
async function startFocus(t, ...answers) {
  const requests = [];
  const url = await startHttp(t, async (request, response) => {
    const chunks = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    requests.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks)) });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (typeof answer === 'number') {
      response.statusCode = answer;
      response.end();
    } else if (answer !== undefined) {
      response.end(JSON.stringify(answer));
    }
  });
  return { requests, conferenceRequestUrl: url };
}

/** A connection whose session is established, and a focus that it asks. */
async function startSession(t, answer, more = {}) {
  const server = await startServer(t);
  const { conferenceRequestUrl, requests } = await startFocus(t, answer);
  const connection = server.connection({ conferenceRequestUrl, ...more });
  await connection.connectAsync();
  assert.deepEqual(requests, [], 'without a room there is nothing to ask for');
  return { connection, requests };
}

test('a conference request resolves with what the focus has answered', async (t) => {
  const identity = 'user@meet.example';
  const { connection, requests } = await startSession(t, { ...READY, identity }, { startAudioMuted: 9 });
  const { focusJid } = READY;
  const properties = { authentication: 'false' };
  assert.deepEqual(await connection.sendConferenceRequest('Room'), { focusJid, identity, properties });
  const [{ body, headers }] = requests;
  assert.equal(body.room, 'room@conference.meet.example');
  assert.equal(body.properties.startAudioMuted, 9);
  assert.match(headers['content-type'], /json/);
  await connection.disconnect();
});

test('what the focus does not say is missing', async (t) => {
  const { connection } = await startSession(t, { ready: true });
  assert.deepEqual(await connection.sendConferenceRequest('room'), { properties: {} });
  await connection.disconnect();
});

test('a recorder is not redirected but told', async (t) => {
  const { connection } = await startSession(t, REDIRECTION, { iAmRecorder: true });
  assert.equal((await connection.sendConferenceRequest('room')).vnode, 'v1');
  await connection.disconnect();
});

test('a conference request without a session rejects', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  await assert.rejects(connection.sendConferenceRequest('room'), status('not_connected'));
});

test('a server that does not know the focus refuses the request over IQ, and the session goes on', async (t) => {
  const server = await startServer(t);
  const connection = server.connection({ hosts: { domain: server.domain, focus: 'nobody.meet.example' } });
  const seen = record(connection);
  await connection.connectAsync();
  await assert.rejects(connection.sendConferenceRequest('room'), (error) => {
    assert.ok(status('conference_request_failed')(error));
    assert.match(error.message, /nobody\.meet\.example.*service-unavailable/);
    assert.deepEqual(
      { ...error },
      {
        status: 'conference_request_failed',
        code: 'conference_request_failed',
        errorType: 'connection.conferenceRequestFailed',
        transient: false,
        condition: 'service-unavailable',
      },
    );
    return true;
  });
  assert.equal(connection.getState(), 'connected');
  await connection.disconnect();
  assert.deepEqual(seen, [CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
});

test('an HTTP status is a field of the error', async (t) => {
  const { connection } = await startSession(t, 403);
  await assert.rejects(connection.sendConferenceRequest('room'), {
    status: 'conference_request_failed',
    httpStatus: 403,
    condition: 'not-authorized',
  });
  await connection.disconnect();
});

test('a conference that is not live is an error of its own type', async (t) => {
  const { connection } = await startSession(t, { ready: true, properties: { live: 'false' } });
  await assert.rejects(connection.sendConferenceRequest('room'), {
    status: 'conference_request_failed',
    errorType: 'connection.notLiveError',
  });
  await connection.disconnect();
});

test('a disconnect overtakes a conference request', async (t) => {
  const { connection } = await startSession(t, undefined);
  const conference = connection.sendConferenceRequest('room');
  await connection.disconnect();
  await assert.rejects(conference, status('session_lost'));
});

/** What a redirection rejects with. */
function redirected(error) {
  assert.ok(status('redirected')(error));
  assert.deepEqual(
    { ...error },
    { status: 'redirected', code: 'redirected', vnode: 'v1', focusJid: REDIRECTION.focusJid },
  );
  return true;
}

test('a session that asks for a conference elsewhere hears of it and goes on', async (t) => {
  const { connection } = await startSession(t, REDIRECTION);
  const seen = record(connection);
  const event = happens(connection, CONNECTION_REDIRECTED);
  await assert.rejects(connection.sendConferenceRequest('room'), redirected);
  assert.deepEqual(await event, ['v1', REDIRECTION.focusJid]);
  assert.equal(connection.getState(), 'connected');
  await connection.ping();
  await connection.disconnect();
  assert.deepEqual(seen, [CONNECTION_REDIRECTED, CONNECTION_DISCONNECTED]);
});

test('with a room, connecting begins with the request, and a redirection ends the attempt', async (t) => {
  const server = await startServer(t);
  const { requests, conferenceRequestUrl } = await startFocus(t, REDIRECTION, REDIRECTION, READY);
  const connection = server.connection({ conferenceRequestUrl });
  const seen = record(connection);
  const event = happens(connection, CONNECTION_REDIRECTED);
  connection.connect({ name: 'room' });
  assert.deepEqual(await event, ['v1', REDIRECTION.focusJid]);
  assert.equal(connection.getState(), 'idle');
  await assert.rejects(connection.connectAsync({ name: 'room' }), redirected);
  assert.deepEqual([await server.connections(), requests.length], [0, 2]);

  await connection.connectAsync({ name: 'room' });
  await connection.disconnect();
  const redirections = [CONNECTION_REDIRECTED, CONNECTION_REDIRECTED];
  assert.deepEqual(seen, [...redirections, CONNECTION_ESTABLISHED, CONNECTION_DISCONNECTED]);
});

test('a redirected connection does not keep the process alive', async (t) => {
  const server = await startServer(t);
  const { requests, conferenceRequestUrl } = await startFocus(t, REDIRECTION);
  const env = { ...server.environment, OPTIONS: JSON.stringify({ conferenceRequestUrl, name: 'room' }) };
  assert.deepEqual(await run(t, 'stay.cjs', env), { status: 0, lines: [], stderr: '' });
  assert.equal(requests.length, 1);
});

test('a refused request before connecting is a failure of the attempt', async (t) => {
  const server = await startServer(t);
  const cases = [
    [500, 'connection.conferenceRequestFailed', { transient: true, http_status: 500 }],
    [{ properties: { live: 'false' } }, 'connection.notLiveError', { transient: false }],
  ];
  for (const [answer, type, more] of cases) {
    const { conferenceRequestUrl } = await startFocus(t, answer);
    const connection = server.connection({ conferenceRequestUrl, name: 'room' });
    const failed = happens(connection, CONNECTION_FAILED);
    const refused = { status: 'connection_failed', code: 'conference_request', errorType: type };
    await assert.rejects(connection.connectAsync(), refused);
    const [errorType, , , details] = await failed;
    assert.deepEqual([errorType, details], [type, { code: 'conference_request', ...more }]);
  }
  assert.equal(await server.connections(), 0);
});

test('a token goes with the request and into no error', async (t) => {
  const server = await startServer(t);
  const { requests, conferenceRequestUrl } = await startFocus(t, 401);
  const connection = server.connection({ conferenceRequestUrl }, 'canary');
  await assert.rejects(connection.connectAsync({ name: 'room' }), (error) => {
    assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /canary/);
    return true;
  });
  assert.equal(requests[0].headers.authorization, 'Bearer canary');
  assert.doesNotMatch(JSON.stringify(connection.getLogs()), /canary/);
});

/** The queries with which a connection comes, once with each of the arguments of connect. */
async function queries(t, options, ...attempts) {
  const seen = [];
  const url = await startHttp(t, (request, response) => {
    seen.push(new URL(request.url, 'ws://localhost').search);
    response.statusCode = 503;
    response.end();
  });
  const serviceUrl = url.replace('http', 'ws');
  const connection = new JitsiConnection(null, null, { serviceUrl, hosts: { domain: 'meet.example' }, ...options });
  for (const attempt of attempts) {
    await assert.rejects(connection.connectAsync(attempt), { code: 'http_status' });
  }
  return seen;
}

test('the room is told in the query: that of connect, else that of the option', async (t) => {
  assert.deepEqual(await queries(t, {}, {}, { name: 'Room' }, null), ['', '?room=room', '']);
  const attempts = [{}, { name: 'other' }, { name: null }];
  assert.deepEqual(await queries(t, { name: 'room' }, ...attempts), ['?room=room', '?room=other', '?room=room']);
});

test('what cannot be the name of a room is refused', async (t) => {
  const server = await startServer(t);
  const connection = server.connection();
  for (const name of ['', 'no room', 'room@conference.meet.example', 'room/resource']) {
    const refused = { name: 'TypeError', status: 'invalid_argument', code: 'invalid_argument', message: /room/ };
    assert.throws(() => connection.connect({ name }), refused);
    await assert.rejects(connection.connectAsync({ name }), refused);
    await assert.rejects(connection.sendConferenceRequest(name), refused);
  }
  assert.equal(connection.getState(), 'idle');
  assert.equal(await server.connections(), 0);
});
