// The types as an ES module sees them: what they allow and what they refuse. Compiled, never run.

import { type EventEmitter, once } from 'node:events';

import { expectTypeOf } from 'expect-type';
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

type Text = string | undefined;

const hosts = { domain: 'meet.example' };
const serviceUrl = 'wss://meet.example/xmpp-websocket';
const connection: JitsiMeetJS.JitsiConnection = new JitsiConnection(null, 'token', { serviceUrl, hosts });
const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED } = events.connection;
const { INTERRUPTED, RESUMED, STANZA_RECEIVED } = events.connection;
const { CONNECTION_REDIRECTED, CONNECTION_TOKEN_EXPIRED, DISPLAY_NAME_REQUIRED, PROPERTIES_UPDATED } =
  events.connection;

connection.addEventListener(CONNECTION_ESTABLISHED, (id, session) => {
  expectTypeOf<typeof id>().toEqualTypeOf<string>();
  expectTypeOf<typeof session>().toEqualTypeOf<{ resumed: boolean; reconnected: boolean }>();
});
connection.addEventListener(CONNECTION_DISCONNECTED, (...args) =>
  expectTypeOf<typeof args>().toEqualTypeOf<[message: string | undefined]>(),
);
connection.addEventListener(CONNECTION_FAILED, (errorType, message, credentials, details) => {
  expectTypeOf<typeof errorType>().toEqualTypeOf<ConnectionErrorType>();
  expectTypeOf<typeof message>().toEqualTypeOf<string>();
  expectTypeOf<typeof credentials>().toEqualTypeOf<Credentials | undefined>();
  expectTypeOf<typeof details>().toEqualTypeOf<FailureDetails>();
  if (errorType === errors.connection.PASSWORD_REQUIRED || details.code === 'refused' || details.code === 'future') {
    connection.connect();
  }
  expectTypeOf<typeof details.shard_changed>().toEqualTypeOf<boolean | undefined>();
  expectTypeOf<typeof details.time_since_last_success>().toEqualTypeOf<number | undefined>();
});
connection.addEventListener(INTERRUPTED, (interruption) =>
  expectTypeOf<typeof interruption>().toEqualTypeOf<{ code: ConnectionErrorCode; message: string }>(),
);
connection.addEventListener(RESUMED, (resumption) =>
  expectTypeOf<typeof resumption>().toEqualTypeOf<{ attempts: number; downtime_ms: number; resent: number }>(),
);
connection.addEventListener(STANZA_RECEIVED, (xml, { name, from, to, type, id }) => {
  expectTypeOf<typeof xml>().toEqualTypeOf<string>();
  expectTypeOf<typeof name>().toEqualTypeOf<'iq' | 'message' | 'presence'>();
  expectTypeOf<[typeof from, typeof to, typeof type, typeof id]>().toEqualTypeOf<[Text, Text, Text, Text]>();
});
connection.addEventListener(CONNECTION_REDIRECTED, (...args) =>
  expectTypeOf<typeof args>().toEqualTypeOf<[vnode: string, focusJid: string]>(),
);
connection.addEventListener(CONNECTION_TOKEN_EXPIRED, (...args) => expectTypeOf<typeof args>().toEqualTypeOf<[]>());
connection.addEventListener(DISPLAY_NAME_REQUIRED, (...args) => expectTypeOf<typeof args>().toEqualTypeOf<[]>());
connection.addEventListener(PROPERTIES_UPDATED, ({ shard, region }) => {
  expectTypeOf<[typeof shard, typeof region]>().toEqualTypeOf<[Text, Text]>();
});
connection.removeEventListener('connection.connectionFailed', () => {});

expectTypeOf<ReturnType<typeof connection.connect>>().toEqualTypeOf<void>();
expectTypeOf<ReturnType<typeof connection.connectAsync>>().toEqualTypeOf<Promise<string>>();
expectTypeOf<ReturnType<typeof connection.disconnect>>().toEqualTypeOf<Promise<void>>();
expectTypeOf<ReturnType<typeof connection.refreshToken>>().toEqualTypeOf<Promise<void>>();
expectTypeOf<ReturnType<typeof connection.sendStanza>>().toEqualTypeOf<Promise<void>>();
expectTypeOf<ReturnType<typeof connection.sendIq>>().toEqualTypeOf<Promise<string>>();
expectTypeOf<ReturnType<typeof connection.ping>>().toEqualTypeOf<Promise<number>>();
expectTypeOf<ReturnType<typeof connection.sendConferenceRequest>>().toEqualTypeOf<Promise<Conference>>();
expectTypeOf<ReturnType<typeof connection.addFeature>>().toEqualTypeOf<void>();
expectTypeOf<ReturnType<typeof connection.removeFeature>>().toEqualTypeOf<void>();
expectTypeOf<ReturnType<typeof connection.getJid>>().toEqualTypeOf<string | null>();
expectTypeOf<ReturnType<typeof connection.getState>>().toEqualTypeOf<ConnectionState>();
expectTypeOf<ReturnType<typeof connection.getStatistics>>().toEqualTypeOf<Statistics>();
expectTypeOf<ReturnType<typeof connection.getLogs>>().toEqualTypeOf<Logs>();
expectTypeOf<ReturnType<typeof connection.getProperties>>().toEqualTypeOf<Properties>();
expectTypeOf<ReturnType<typeof connection.getIceServers>>().toEqualTypeOf<IceServer[]>();
expectTypeOf<ReturnType<typeof connection.getConnectionTimes>>().toEqualTypeOf<ConnectionTimes>();
expectTypeOf<typeof version>().toEqualTypeOf<string>();

connection
  .on(CONNECTION_ESTABLISHED, (id) => expectTypeOf<typeof id>().toEqualTypeOf<string>())
  .once(RESUMED, ({ attempts }) => expectTypeOf<typeof attempts>().toEqualTypeOf<number>())
  .off(CONNECTION_TOKEN_EXPIRED, () => {})
  .removeListener(CONNECTION_DISCONNECTED, () => {})
  .unref()
  .ref();
expectTypeOf<ReturnType<typeof connection.on>>().toEqualTypeOf<JitsiConnection>();
// The types of node:events ask for a whole EventEmitter, its functions do not.
once(connection as unknown as EventEmitter, CONNECTION_ESTABLISHED).then(([id]) => id);

async function iterate(): Promise<void> {
  for await (const { event, args } of connection.events()) {
    if (event === CONNECTION_FAILED) {
      expectTypeOf<typeof args>().toEqualTypeOf<JitsiMeetJS.ConnectionEvents['connection.connectionFailed']>();
    } else if (event === STANZA_RECEIVED) {
      const [xml, { name }] = args;
      expectTypeOf<typeof xml>().toEqualTypeOf<string>();
      expectTypeOf<typeof name>().toEqualTypeOf<'iq' | 'message' | 'presence'>();
    }
  }
  for await (const happened of connection.events(CONNECTION_ESTABLISHED, CONNECTION_TOKEN_EXPIRED)) {
    expectTypeOf<typeof happened.event>().toEqualTypeOf<
      'connection.connectionEstablished' | 'connection.token_expired'
    >();
    expectTypeOf<typeof happened>().toEqualTypeOf<ConnectionEvent<typeof happened.event>>();
  }
  await using disposed = new JitsiConnection(null, null, { serviceUrl, hosts });
  await disposed.connectAsync();
}
iterate();

setLogLevel(logLevels.DEBUG);
setLogLevel('warn', (record) => expectTypeOf<typeof record>().toEqualTypeOf<LogRecord>());
expectTypeOf<typeof logLevels.INFO>().toEqualTypeOf<'info'>();

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
  expectTypeOf<typeof server.caCertificate>().toEqualTypeOf<string | null>();
  expectTypeOf<ReturnType<typeof server.getSessions>>().toEqualTypeOf<string[]>();
  expectTypeOf<ReturnType<typeof server.deliver>>().toEqualTypeOf<boolean>();
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
