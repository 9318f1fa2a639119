// The types as an ES module sees them: what they allow and what they refuse. Compiled, never run.

import { type EventEmitter, once } from 'node:events';

import JitsiMeetJS, {
  type Conference,
  type ConnectionErrorCode,
  type ConnectionErrorType,
  type ConnectionEvent,
  type ConnectionState,
  type ConnectionTimes,
  type Credentials,
  errors,
  events,
  type FailureDetails,
  type IceServer,
  init,
  JitsiConnection,
  JitsiError,
  type LogRecord,
  type Logs,
  logLevels,
  type Properties,
  type Statistics,
  setLogLevel,
  setNetworkInfo,
  shutdown,
  type version,
} from 'jitsimeet';
import { TestServer } from 'jitsimeet/testing';

/** Compiles only if two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertSame<A, B>(..._: Same<A, B> extends true ? [] : ['the types differ']): void {}

type Text = string | undefined;

const hosts = { domain: 'meet.example' };
const serviceUrl = 'wss://meet.example/xmpp-websocket';
const connection: JitsiMeetJS.JitsiConnection = new JitsiConnection(null, 'token', { serviceUrl, hosts });
const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED } = events.connection;
const { INTERRUPTED, RESUMED, STANZA_RECEIVED } = events.connection;
const { CONNECTION_REDIRECTED, CONNECTION_TOKEN_EXPIRED, DISPLAY_NAME_REQUIRED, PROPERTIES_UPDATED } =
  events.connection;

connection.addEventListener(CONNECTION_ESTABLISHED, (id, session) => {
  assertSame<typeof id, string>();
  assertSame<typeof session, { resumed: boolean; reconnected: boolean }>();
});
connection.addEventListener(CONNECTION_DISCONNECTED, (...args) =>
  assertSame<typeof args, [message: string | undefined]>(),
);
connection.addEventListener(CONNECTION_FAILED, (errorType, message, credentials, details) => {
  assertSame<typeof errorType, ConnectionErrorType>();
  assertSame<typeof message, string>();
  assertSame<typeof credentials, Credentials | undefined>();
  assertSame<typeof details, FailureDetails>();
  if (errorType === errors.connection.PASSWORD_REQUIRED || details.code === 'refused' || details.code === 'future') {
    connection.connect();
  }
  assertSame<typeof details.shard_changed, boolean | undefined>();
  assertSame<typeof details.time_since_last_success, number | undefined>();
});
connection.addEventListener(INTERRUPTED, (interruption) =>
  assertSame<typeof interruption, { code: ConnectionErrorCode; message: string }>(),
);
connection.addEventListener(RESUMED, (resumption) =>
  assertSame<typeof resumption, { attempts: number; downtime_ms: number; resent: number }>(),
);
connection.addEventListener(STANZA_RECEIVED, (xml, { name, from, to, type, id }) => {
  assertSame<typeof xml, string>();
  assertSame<typeof name, 'iq' | 'message' | 'presence'>();
  assertSame<[typeof from, typeof to, typeof type, typeof id], [Text, Text, Text, Text]>();
});
connection.addEventListener(CONNECTION_REDIRECTED, (...args) =>
  assertSame<typeof args, [vnode: string, focusJid: string]>(),
);
connection.addEventListener(CONNECTION_TOKEN_EXPIRED, (...args) => assertSame<typeof args, []>());
connection.addEventListener(DISPLAY_NAME_REQUIRED, (...args) => assertSame<typeof args, []>());
connection.addEventListener(PROPERTIES_UPDATED, ({ shard, region }) => {
  assertSame<[typeof shard, typeof region], [Text, Text]>();
});
connection.removeEventListener('connection.connectionFailed', () => {});

assertSame<ReturnType<typeof connection.connect>, void>();
assertSame<ReturnType<typeof connection.connectAsync>, Promise<string>>();
assertSame<ReturnType<typeof connection.disconnect>, Promise<void>>();
assertSame<ReturnType<typeof connection.refreshToken>, Promise<void>>();
assertSame<ReturnType<typeof connection.sendStanza>, Promise<void>>();
assertSame<ReturnType<typeof connection.sendIq>, Promise<string>>();
assertSame<ReturnType<typeof connection.ping>, Promise<number>>();
assertSame<ReturnType<typeof connection.sendConferenceRequest>, Promise<Conference>>();
assertSame<ReturnType<typeof connection.addFeature>, void>();
assertSame<ReturnType<typeof connection.removeFeature>, void>();
assertSame<ReturnType<typeof connection.getJid>, string | null>();
assertSame<ReturnType<typeof connection.getState>, ConnectionState>();
assertSame<ReturnType<typeof connection.getStatistics>, Statistics>();
assertSame<ReturnType<typeof connection.getLogs>, Logs>();
assertSame<ReturnType<typeof connection.getProperties>, Properties>();
assertSame<ReturnType<typeof connection.getIceServers>, IceServer[]>();
assertSame<ReturnType<typeof connection.getConnectionTimes>, ConnectionTimes>();
assertSame<typeof version, string>();

connection
  .on(CONNECTION_ESTABLISHED, (id) => assertSame<typeof id, string>())
  .once(RESUMED, ({ attempts }) => assertSame<typeof attempts, number>())
  .off(CONNECTION_TOKEN_EXPIRED, () => {})
  .removeListener(CONNECTION_DISCONNECTED, () => {})
  .unref()
  .ref();
assertSame<ReturnType<typeof connection.on>, JitsiConnection>();
// The types of node:events ask for a whole EventEmitter, its functions do not.
once(connection as unknown as EventEmitter, CONNECTION_ESTABLISHED).then(([id]) => id);

async function iterate(): Promise<void> {
  for await (const { event, args } of connection.events()) {
    if (event === CONNECTION_FAILED) {
      assertSame<typeof args, JitsiMeetJS.ConnectionEvents['connection.connectionFailed']>();
    } else if (event === STANZA_RECEIVED) {
      const [xml, { name }] = args;
      assertSame<typeof xml, string>();
      assertSame<typeof name, 'iq' | 'message' | 'presence'>();
    }
  }
  for await (const happened of connection.events(CONNECTION_ESTABLISHED, CONNECTION_TOKEN_EXPIRED)) {
    assertSame<typeof happened.event, 'connection.connectionEstablished' | 'connection.token_expired'>();
    assertSame<typeof happened, ConnectionEvent<typeof happened.event>>();
  }
  await using disposed = new JitsiConnection(null, null, { serviceUrl, hosts });
  await disposed.connectAsync();
}
iterate();

setLogLevel(logLevels.DEBUG);
setLogLevel('warn', (record) => assertSame<typeof record, LogRecord>());
assertSame<typeof logLevels.INFO, 'info'>();

connection.connect({ id: 'someone@meet.example', password: 'secret', name: 'room' });
connection.connect({ id: null });
connection.connectAsync(null, { signal: AbortSignal.timeout(1000) }).catch((error: unknown) => {
  if (error instanceof JitsiError && error.status === 'connection_failed') {
    const transient: boolean | undefined = error.transient;
    return transient;
  }
  return undefined;
});
connection.sendIq('<iq/>', { timeout: 500 });
connection.sendIq('<iq/>');
connection.ping();
connection.ping(500);
connection.addFeature('urn:example');
connection.removeFeature('urn:example', true);
connection.sendConferenceRequest('room').catch((error: JitsiError) => [error.code, error.vnode, error.focusJid]);
if (connection.getState() === 'idle') {
  connection.connect({ name: 'room' });
}

/** As the DOM's types have it. */
interface RTCIceServer {
  credential?: string;
  urls: string | string[];
  username?: string;
}
const iceServers: RTCIceServer[] = connection.getIceServers();
new JitsiConnection(null, null, {
  serviceUrl,
  hosts,
  p2pStunServers: [{ urls: 'stun:a' }],
  p2p: { stunServers: iceServers },
});
init({ workerThreads: 4 });
setNetworkInfo({ isOnline: false });
shutdown({ timeout: 100 }).then(() => JitsiMeetJS.init());
new JitsiConnection(null, null, { serviceUrl, hosts, sasl: { mechanisms: ['SCRAM-SHA-256'] }, reconnect: {} });

// @ts-expect-error: a required option is missing
new JitsiConnection(null, null, { hosts });
// @ts-expect-error: an option has the wrong type
new JitsiConnection(null, null, { serviceUrl, hosts, loginTimeout: 'soon' });
// @ts-expect-error: an option has none of its values
new JitsiConnection(null, null, { serviceUrl, hosts, transport: { pipelining: 'on' } });
// @ts-expect-error: there is no such event
connection.addEventListener('connection.established', () => {});
// @ts-expect-error: there is no such event
connection.on('error', () => {});
// @ts-expect-error: there is no such event to iterate over
connection.events('connection.established');
// @ts-expect-error: there is no such level
setLogLevel('loud');
// @ts-expect-error: the listener takes what the event does not give
connection.addEventListener(CONNECTION_ESTABLISHED, (id: number) => id);
// @ts-expect-error: a password is text
connection.connect({ id: 'someone@meet.example', password: 5 });
// @ts-expect-error: there is no refreshing without a token
connection.refreshToken();
// @ts-expect-error: the name of a room is text
connection.connect({ name: 5 });
// @ts-expect-error: the timeout of a ping has no name
connection.ping({ timeout: 500 });
// @ts-expect-error: there is no conference without a room
connection.sendConferenceRequest();
// @ts-expect-error: a feature is text
connection.addFeature(5);
// @ts-expect-error: whether to submit is a boolean
connection.removeFeature('urn:example', 'true');
// @ts-expect-error: an ICE server has URLs
new JitsiConnection(null, null, { serviceUrl, hosts, p2pStunServers: [{ url: 'stun:a' }] });
// @ts-expect-error: the timeout has a name
connection.sendIq('<iq/>', 500);
// @ts-expect-error: JitsiError is made by this package alone
new JitsiError('text');

TestServer.start({ tls: true, accounts: { someone: 'secret' }, deployment: { push: 'after_bind' } }).then((server) => {
  assertSame<typeof server.caCertificate, string | null>();
  assertSame<ReturnType<typeof server.getSessions>, string[]>();
  assertSame<ReturnType<typeof server.deliver>, boolean>();
  server.setFaults({ stream: 'silent', noManagement: true });
  server.setConference([{ focusJid: null }]);
  server.order('cut');
  server.order('oversize', { bytes: 5 });
  // @ts-expect-error: there is no such order
  server.order('explode');
  // @ts-expect-error: an order lacks its fields
  server.order('oversize');
  // @ts-expect-error: there is no such fault
  server.setFaults({ stream: 'wrong' });
});
