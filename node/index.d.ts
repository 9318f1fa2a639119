/// <reference lib="esnext.disposable" />

/**
 * The signalling client of Jitsi Meet as a native library: lib-jitsi-meet's `JitsiConnection`, without a browser.
 *
 * ```js
 * const JitsiMeetJS = require('jitsimeet'); // or: import JitsiMeetJS from 'jitsimeet';
 *
 * JitsiMeetJS.init();
 * const connection = new JitsiMeetJS.JitsiConnection(null, null, {
 *   serviceUrl: 'wss://meet.example.org/xmpp-websocket',
 *   hosts: { domain: 'meet.example.org' },
 * });
 * const { CONNECTION_ESTABLISHED } = JitsiMeetJS.events.connection;
 * connection.addEventListener(CONNECTION_ESTABLISHED, (id) => console.log('connected as', id));
 * connection.connect();
 * ```
 *
 * Durations are milliseconds. An open connection keeps its event loop alive; after `disconnect` the program may end by
 * itself. Worker threads can have connections of their own: all of a process share its native threads.
 */
declare namespace JitsiMeetJS {
  /** The version of this package. */
  const version: string;

  /**
   * Sets what holds for the whole process, its worker threads included. Optional; may be called again until the first
   * connection connects. Keys that concern connections, or mean something in a browser only, are ignored.
   *
   * @throws {InvalidOptionError} if the value of an option is unusable.
   * @throws {JitsiError} `invalid_state` once connections run, until `shutdown`.
   */
  function init(options?: InitOptions): void;

  /**
   * Closes all connections of the process, those of other worker threads too, and ends its native threads. Later
   * calls start afresh. The end of the process does the same.
   *
   * @param options.timeout - ms that connections have to close in an orderly way; 5000 if not given.
   * @returns a promise that resolves when the events of this thread's connections have been delivered.
   * @throws {JitsiError} (the promise) `timeout` if connections had to be cut off.
   */
  function shutdown(options?: { timeout?: number | null | undefined } | null): Promise<void>;

  /**
   * Tells all connections of the process whether the machine has a network. Without one no attempt to resume or
   * reconnect is made; when it is back, the next one is made at once. Without a word it is taken to be there.
   */
  function setNetworkInfo(info: { isOnline: boolean }): void;

  /** How much is logged: everything of a level and of those after it. */
  const logLevels: {
    /** Everything. */
    readonly TRACE: 'trace';
    /** What leads to what happens to a connection. */
    readonly DEBUG: 'debug';
    /** What happens to a connection. */
    readonly INFO: 'info';
    /** As WARN: nothing is logged at it. */
    readonly LOG: 'log';
    /** What should be changed, such as an option that makes TLS worthless. */
    readonly WARN: 'warn';
    /** Defects of this library. */
    readonly ERROR: 'error';
    /** Nothing. */
    readonly OFF: 'off';
  };

  /**
   * Has the library log, for all connections of the process, to this thread. Until this is called, here or by the
   * option `logLevel` of `init`, it logs nothing. Where several threads call it, the last one gets the records.
   *
   * @param handler - is called with every record; without one, records are printed to the console, as those of
   *   lib-jitsi-meet are. No record holds a secret.
   * @throws {InvalidArgumentError} if it is no level.
   */
  function setLogLevel(level: LogLevel, handler?: ((record: LogRecord) => void) | null): void;

  /** The names of the events. */
  const events: {
    /** Those of a connection. */
    readonly connection: {
      /** The session is established, or goes on after an interruption. */
      readonly CONNECTION_ESTABLISHED: 'connection.connectionEstablished';
      /** The attempt failed or the session was lost. The connection is idle: `connect` may be called. */
      readonly CONNECTION_FAILED: 'connection.connectionFailed';
      /** The connection was closed on request. */
      readonly CONNECTION_DISCONNECTED: 'connection.connectionDisconnected';
      /** The transport is lost; the session is being resumed, or a fresh one set up. */
      readonly INTERRUPTED: 'connection.interrupted';
      /** The session goes on over a new transport. `CONNECTION_ESTABLISHED` follows. */
      readonly RESUMED: 'connection.resumed';
      /** A stanza came. Stanzas are delivered only while they have a listener. */
      readonly STANZA_RECEIVED: 'connection.stanzaReceived';
      /**
       * The conference of a conference request is served by another server. The attempt that began with the request is
       * over, a session that sent it goes on.
       */
      readonly CONNECTION_REDIRECTED: 'connection.redirected';
      /** The session is to be resumed and its token has expired. It waits for `refreshToken`. */
      readonly CONNECTION_TOKEN_EXPIRED: 'connection.token_expired';
      /** The deployment lets nobody join without a display name. */
      readonly DISPLAY_NAME_REQUIRED: 'connection.display_name_required';
      /** The deployment has told its shard and region. */
      readonly PROPERTIES_UPDATED: 'connection.propertiesUpdated';
    };
  };

  /** The types of errors. */
  const errors: {
    /** Those of a connection. */
    readonly connection: {
      /** The credentials were refused, or credentials are needed and none were given. */
      readonly PASSWORD_REQUIRED: 'connection.passwordRequired';
      /** An established session was lost, or the peer broke the protocol. */
      readonly CONNECTION_DROPPED_ERROR: 'connection.droppedError';
      /** The service URL answered with an HTTP status of 5xx. */
      readonly SERVER_ERROR: 'connection.serverError';
      /** Every other failure. */
      readonly OTHER_ERROR: 'connection.otherError';
      /** The conference request was refused for good. */
      readonly CONFERENCE_REQUEST_FAILED: 'connection.conferenceRequestFailed';
      /** The conference is not live. */
      readonly NOT_LIVE_ERROR: 'connection.notLiveError';
      /** The deployment has moved this client to another shard (`testing.enableGracefulReconnect`). */
      readonly SHARD_CHANGED_ERROR: 'connection.shardChangedError';
    };
  };

  /**
   * A connection to a Jitsi Meet deployment.
   *
   * Beside lib-jitsi-meet's `addEventListener` and `removeEventListener` it has what `once` and `on` of `node:events`
   * need (their types ask for all of an `EventEmitter`: cast it there), and `await using`.
   */
  class JitsiConnection implements AsyncDisposable {
    /**
     * Makes a connection, without connecting.
     *
     * @param appID - accepted for lib-jitsi-meet's sake, which does not send it either.
     * @param token - a JSON Web Token of the deployment, or null.
     * @throws {InvalidOptionError} naming the key that is missing or unusable.
     */
    constructor(appID: string | null | undefined, token: string | null | undefined, options: ConnectionOptions);

    /**
     * Starts to connect, with an account or as a guest. The outcome comes as an event, never before this call returns.
     *
     * @throws {InvalidArgumentError} if `id`, `password` or `name` is neither a string nor null, or `name` cannot be
     *   that of a room.
     * @throws {JitsiError} `invalid_state` unless the connection is idle: new, failed, disconnected or redirected.
     */
    connect(options?: ConnectOptions | null): void;

    /**
     * As `connect`, with the outcome as a promise too.
     *
     * No call that returns a promise throws, all errors are the promise's, and a rejection that nobody awaits does no
     * harm.
     *
     * @param control.signal - aborting it is `disconnect`; the promise then rejects with the signal's reason.
     * @returns a promise of the full JID, settled after the event was delivered.
     * @throws {JitsiError} (the promise) with the `code` of the failure; `aborted` after `disconnect`; `redirected`.
     */
    connectAsync(
      options?: ConnectOptions | null,
      control?: { signal?: AbortSignal | undefined } | null,
    ): Promise<string>;

    /**
     * Goes on with a BOSH session that someone else has set up and bound. The outcome comes as an event, never before
     * this call returns: `CONNECTION_ESTABLISHED` once the server has answered in the session, or `CONNECTION_FAILED`,
     * with the condition `item-not-found` if the server does not know it. `disconnect` closes it as any other; if it is
     * lost, the option `reconnect` does not replace it.
     *
     * @throws {InvalidArgumentError} naming the argument that is unusable.
     * @throws {JitsiError} `unsupported_transport` unless `serviceUrl` begins with `http:` or `https:`;
     *   `invalid_state` unless the connection is idle.
     */
    attach(session: AttachOptions): void;

    /**
     * Closes the connection in an orderly way, or gives up the attempt under way. Of an idle connection it does
     * nothing.
     *
     * @returns a promise that resolves after `CONNECTION_DISCONNECTED` was delivered.
     */
    disconnect(): Promise<void>;

    /**
     * Goes on with another token: at once where there is a session, from the next attempt on where there is none. A
     * session that can be resumed is resumed with the new token; if the server refuses it, the session goes on as
     * before. One that cannot be resumed is replaced by a fresh one.
     *
     * @returns a promise that resolves after `CONNECTION_ESTABLISHED` was delivered, without a session at once.
     * @throws {JitsiError} (the promise) with the `code` and the `serverText` of the refusal, or of the failure that
     *   ended the attempt; `aborted` after `disconnect` or if a newer token came; `invalid_state` while disconnecting.
     */
    refreshToken(token: string): Promise<void>;

    /**
     * Sends a `message`, a `presence` or an `iq`. While the connection is interrupted, the stanza waits for its end.
     *
     * @param xml - the stanza; one without a namespace is of `jabber:client`.
     * @returns a promise that resolves when the server has acknowledged the stanza; on a stream without stream
     *   management, when it is written.
     * @throws {JitsiError} (the promise) `invalid_stanza`, `not_connected`, `send_queue_full`: nothing was sent;
     *   `session_lost`: the server may or may not have had it.
     */
    sendStanza(xml: string): Promise<void>;

    /**
     * Sends an IQ request.
     *
     * @param xml - an `iq` of type `get` or `set`. An id is made up where it has none.
     * @param options.timeout - ms to wait for the answer; the option `iqTimeout` if not given.
     * @returns a promise of the answer as it came, as XML: of type `result` or `error`.
     * @throws {JitsiError} (the promise) `timeout`; otherwise as `sendStanza`.
     */
    sendIq(xml: string, options?: { timeout?: number | null | undefined } | null): Promise<string>;

    /**
     * Asks the server whether it is there (XEP-0199). An error is an answer too.
     *
     * @param timeout - ms to wait for the answer; the option `iqTimeout` if not given.
     * @returns a promise of the ms that the answer took.
     * @throws {JitsiError} (the promise) `timeout`, `not_connected`, `send_queue_full`, `session_lost`.
     */
    ping(timeout?: number | null): Promise<number>;

    /**
     * Asks the focus to be in a room, so that it can be joined: over HTTP with the option `conferenceRequestUrl`, else
     * as an IQ to `hosts.focus`. While the conference is not ready the request is repeated, after 1 s, 2 s, 4 s and so
     * on up to 2 minutes, until the connection is closed.
     *
     * @param room - the name of the room alone.
     * @returns a promise of what the focus has answered.
     * @throws {InvalidArgumentError} (the promise) if that cannot be the name of a room.
     * @throws {JitsiError} (the promise) `conference_request_failed`, with the fields of the failure; `redirected`, with
     *   `vnode` and `focusJid`, after `CONNECTION_REDIRECTED` was delivered; `not_connected`; `send_queue_full`;
     *   `session_lost`.
     */
    sendConferenceRequest(room: string): Promise<Conference>;

    /**
     * Advertises a feature: answers to disco#info name it (XEP-0030).
     *
     * @param submit - true tells the rooms that this connection has joined at once; else they hear of it with the next
     *   presence.
     * @throws {InvalidArgumentError} if the feature is empty or has control characters.
     */
    addFeature(feature: string, submit?: boolean | null): void;

    /** No longer advertises a feature, be it added or one of this package's own. Otherwise as `addFeature`. */
    removeFeature(feature: string, submit?: boolean | null): void;

    /** The full JID, from the moment it is bound until the next attempt; otherwise null. */
    getJid(): string | null;

    /** Where the connection stands. */
    getState(): ConnectionState;

    /** When the phases of this connection happened, in ms on the clock of `performance.now()`; and `round_trips`. */
    getConnectionTimes(): ConnectionTimes;

    /** What the connection has carried since it was made, over all its attempts, and what waits. */
    getStatistics(): Statistics;

    /** The last frames, as many as the option `logs` keeps, with `***` in place of every secret. */
    getLogs(): Logs;

    /** What the deployment has told of itself; until then what the option `deploymentInfo` says. */
    getProperties(): Properties;

    /**
     * The STUN and TURN servers: those of the options `p2pStunServers` and `p2p.stunServers`, and those that the server
     * names (XEP-0215), as far as they have not expired.
     */
    getIceServers(): IceServer[];

    /**
     * Adds a listener. One that was added twice is called twice.
     *
     * Listeners are called in the order in which they were added, never from inside a call of this package. What one
     * throws becomes an uncaught exception; the others are called all the same.
     */
    addEventListener<Event extends keyof ConnectionEvents>(
      event: Event,
      listener: (...args: ConnectionEvents[Event]) => void,
    ): void;

    /** Removes a listener, once if it was added twice. */
    removeEventListener<Event extends keyof ConnectionEvents>(
      event: Event,
      listener: (...args: ConnectionEvents[Event]) => void,
    ): void;

    /** As `addEventListener`, to be chained. */
    on<Event extends keyof ConnectionEvents>(event: Event, listener: (...args: ConnectionEvents[Event]) => void): this;

    /** As `on`, for one event: the listener is removed before it is called. */
    once<Event extends keyof ConnectionEvents>(
      event: Event,
      listener: (...args: ConnectionEvents[Event]) => void,
    ): this;

    /** As `removeEventListener`, to be chained. */
    off<Event extends keyof ConnectionEvents>(event: Event, listener: (...args: ConnectionEvents[Event]) => void): this;

    /** As `off`, by the name that `node:events` uses. */
    removeListener<Event extends keyof ConnectionEvents>(
      event: Event,
      listener: (...args: ConnectionEvents[Event]) => void,
    ): this;

    /**
     * The events from this call on, to be iterated over with `for await`.
     *
     * The iteration ends by itself when an attempt has ended and no other has begun by the time that the next event is
     * asked for: after `CONNECTION_FAILED`, call `connect` in the body of the loop to go on. Events that have not been
     * asked for count against the option `eventQueue`, so end an iteration with `break` or `return`, or go on asking.
     *
     * @param names - of the events; all, stanzas included, if none is given.
     */
    events<Event extends keyof ConnectionEvents = keyof ConnectionEvents>(
      ...names: Event[]
    ): AsyncIterableIterator<ConnectionEvent<Event>>;

    /** Undoes `unref`. */
    ref(): this;

    /**
     * Lets the process end, or the worker thread, while this connection is open or one of its promises is pending. As
     * that of `net.Socket`.
     */
    unref(): this;

    /** As `disconnect`: `await using connection = ...` disconnects at the end of the block. */
    [Symbol.asyncDispose](): Promise<void>;
  }

  /** An event, as an iteration gives it. */
  type ConnectionEvent<Event extends keyof ConnectionEvents = keyof ConnectionEvents> = {
    [Name in Event]: { event: Name; args: ConnectionEvents[Name] };
  }[Event];

  /** What the listeners of each event are called with. */
  interface ConnectionEvents {
    /** `CONNECTION_ESTABLISHED`. `id` is the resource of the JID. */
    'connection.connectionEstablished': [id: string, session: SessionDetails];
    /** `CONNECTION_FAILED`. `credentials` is undefined where there was no JID to log in with. */
    'connection.connectionFailed': [
      errorType: ConnectionErrorType,
      message: string,
      credentials: Credentials | undefined,
      details: FailureDetails,
    ];
    /** `CONNECTION_DISCONNECTED`. `message` is what the server said, if anything. */
    'connection.connectionDisconnected': [message: string | undefined];
    /** `INTERRUPTED`. */
    'connection.interrupted': [interruption: Interruption];
    /** `RESUMED`. */
    'connection.resumed': [resumption: Resumption];
    /** `STANZA_RECEIVED`. `xml` is the text as it came. */
    'connection.stanzaReceived': [xml: string, stanza: Stanza];
    /** `CONNECTION_REDIRECTED`. `vnode` is the visitor node, `focusJid` that of the conference's focus there. */
    'connection.redirected': [vnode: string, focusJid: string];
    /** `CONNECTION_TOKEN_EXPIRED`. */
    'connection.token_expired': [];
    /** `DISPLAY_NAME_REQUIRED`. */
    'connection.display_name_required': [];
    /** `PROPERTIES_UPDATED`. */
    'connection.propertiesUpdated': [location: DeploymentInfo];
  }

  /** How a session came about. Of the first one both are false. */
  interface SessionDetails {
    /** The session of before goes on (XEP-0198): nothing that was sent is lost. */
    resumed: boolean;
    /** It is a fresh session after a lost one. */
    reconnected: boolean;
  }

  /** Why the transport was lost, or why the last attempt to recover failed. */
  interface Interruption {
    /** The cause. */
    code: ConnectionErrorCode;
    /** A sentence that says what happened. */
    message: string;
  }

  /** What it took to resume a session. */
  interface Resumption {
    /** How many it took; 1 if the first succeeded. */
    attempts: number;
    /** How long the session was without a transport, in ms. */
    downtime_ms: number;
    /** How many stanzas were sent again. */
    resent: number;
  }

  /** The name and the attributes of a stanza that came; an attribute that it did not have is missing. */
  interface Stanza {
    /** The name of its element. */
    name: 'iq' | 'message' | 'presence';
    /** Who sent it. If it is missing, that is the server, for this account. */
    from?: string;
    /** Whom it is for: this connection, if it is missing. */
    to?: string;
    /** Its type, such as `result` or `groupchat`. */
    type?: string;
    /** By which an answer names it. */
    id?: string;
  }

  /** Who tried to connect. Never a password. */
  interface Credentials {
    /** The JID that the attempt used. */
    jid: string;
  }

  /** The finer cause of a failure. */
  interface FailureDetails {
    /** The cause. */
    code: ConnectionErrorCode;
    /** Whether trying again later may succeed without changing anything. */
    transient: boolean;
    /** The condition of RFC 6120 that the server named, such as `host-unknown`. */
    condition?: string;
    /** The HTTP status, where an HTTP answer was the cause. */
    http_status?: number;
    /** The text that the server sent with its refusal. */
    server_text?: string;
    /** Whether the client was moved to another shard of the deployment, where both are known. */
    shard_changed?: boolean;
    /** How long before the failure the server was heard last, in ms, where it was heard at all. */
    time_since_last_success?: number;
  }

  /** Where in the deployment a client is; what the server did not say is missing. */
  interface DeploymentInfo {
    /** The shard that serves this client. */
    shard?: string;
    /** The region that it is in. */
    region?: string;
  }

  /** What a deployment has told of itself. */
  interface Properties extends DeploymentInfo {
    /** The release that it runs. */
    release?: string;
    /** The addresses of the components by their kind, such as `lobbyrooms`, `breakout_rooms` or `av_moderation`. */
    components: Record<string, string>;
    /** The features of the server and of those components (XEP-0030). */
    features: string[];
  }

  /** A STUN or TURN server: an `RTCIceServer` of WebRTC. */
  interface IceServer {
    /** Such as `turns:turn.example.org:5349?transport=tcp`. */
    urls: string[];
    /** For a TURN server. */
    username?: string;
    /** The password for that user name. */
    credential?: string;
    /** When user name and credential expire, in ms since 1970. */
    expires?: number;
  }

  /** A conference that can be joined; what the focus did not say is missing. */
  interface Conference {
    /** The JID of the focus in the conference. */
    focusJid?: string;
    /** Who the focus takes this client for, where it authenticates. */
    identity?: string;
    /** The visitor node, for a recorder or a gateway, which is not redirected. */
    vnode?: string;
    /** Such as `authentication`, `externalAuth`, `sipGatewayEnabled` or `visitors-supported`. */
    properties: Record<string, string>;
  }

  /** What a connection has carried, counted since it was made, and what waits. */
  interface Statistics {
    /** Bytes of XMPP that went out, without the framing of WebSocket and TLS. */
    bytesSent: number;
    /** Bytes of XMPP that came, without that framing. */
    bytesReceived: number;
    /** Frames that went out: stanzas, and what opens, manages and closes a stream. */
    framesSent: number;
    /** Frames that came. */
    framesReceived: number;
    /** Stanzas that went out: those of the program, and the library's own. */
    stanzasSent: number;
    /** Stanzas that came. */
    stanzasReceived: number;
    /** Stanzas that wait for a transport or for the server to acknowledge them: what `sendQueue` bounds. */
    unacknowledged: number;
    /** How often the session was resumed. */
    resumes: number;
    /** How often a fresh session replaced a lost one (`reconnect`). */
    reconnects: number;
    /** Events and outcomes of calls that wait to be delivered. */
    queuedEvents: number;
  }

  /** The last frames, in the form of lib-jitsi-meet. */
  interface Logs {
    /** As lib-jitsi-meet has it. */
    metadata: {
      /** When this was asked for. */
      time: Date;
      /** The service URL, without user information and query. */
      url: string;
      /** This package and its version. */
      ua: string;
      /** The frames, oldest first, each with its time in ms since 1970. */
      xmpp: [time: number, direction: 'incoming' | 'outgoing', frame: string][];
    };
  }

  /** One thing that was logged. No secret is in it. */
  interface LogRecord {
    /** When it was logged. */
    time: Date;
    /** How important it is. */
    level: 'error' | 'warn' | 'info' | 'debug' | 'trace';
    /** The part of the library that says it. */
    module: string;
    /** Which of the connections of the process it is about, counted from 1, where it is about one. */
    connection?: number;
    /** What is said, and behind it fields as `name=value`. */
    message: string;
  }

  /**
   * Why a call failed.
   *
   * Of a connection that failed, `status` is `connection_failed`, `code` the cause, and the other fields are those of
   * the event; of everything else, `code` is the `status`. A conference request that failed has such fields too, and a
   * redirection has `vnode` and `focusJid`.
   */
  class JitsiError extends Error {
    private constructor();
    /** What the call returned. */
    readonly status: Status;
    /** The cause: that of a failed connection, else the status. */
    readonly code: ConnectionErrorCode | Status;
    /** The class of the failure. */
    readonly errorType?: ConnectionErrorType;
    /** Whether trying again later may succeed without changing anything. */
    readonly transient?: boolean;
    /** The condition of RFC 6120 that the server named. */
    readonly condition?: string;
    /** The HTTP status, where an HTTP answer was the cause. */
    readonly httpStatus?: number;
    /** The text that the server sent with its refusal. */
    readonly serverText?: string;
    /** Whether the client was moved to another shard, where both are known. */
    readonly shardChanged?: boolean;
    /** How long before the failure the server was heard last, in ms. */
    readonly timeSinceLastSuccess?: number;
    /** The visitor node, by which the deployment finds the other server. */
    readonly vnode?: string;
    /** The JID of the conference's focus there. */
    readonly focusJid?: string;
  }

  /** An argument is unusable: a plain `TypeError` with a code. */
  interface InvalidArgumentError extends TypeError {
    /** What the call returned. */
    readonly status: 'invalid_argument';
    /** The same. */
    readonly code: 'invalid_argument';
  }

  /** An option is missing or unusable: a plain `TypeError` that names it. */
  interface InvalidOptionError extends TypeError {
    /** What the call returned. */
    readonly status: 'invalid_option';
    /** The same. */
    readonly code: 'invalid_option';
    /** The path of the option, such as `hosts.domain`. */
    readonly key: string;
  }

  /** Who logs in: without `id` and `password` a guest, or the bearer of the token. Other keys are ignored. */
  interface ConnectOptions {
    /** A JID, or a user name of `hosts.domain`. A full JID asks for its resource. */
    id?: string | null | undefined;
    /** Never without `id`. */
    password?: string | null | undefined;
    /**
     * The room that the connection is for; the option `name` if not given. It is added to the query of the service URL,
     * by which the modules of a deployment find the room of a session. With `conferenceRequestUrl`, the conference
     * request for it comes before everything else.
     */
    name?: string | null | undefined;
    [key: string]: unknown;
  }

  /** A session to attach to. Whoever has these has the session. Other keys are ignored. */
  interface AttachOptions {
    /** The full JID that is bound. */
    jid: string;
    /** The name of the session. */
    sid: string;
    /** The number of the last request that was made in it: the next has the one after. */
    rid: number | string;
    [key: string]: unknown;
  }

  /** The options of `init`. Other keys are ignored, so that a whole configuration of lib-jitsi-meet may be passed. */
  interface InitOptions {
    /** Threads that serve all connections of the process; 2 if not given. */
    workerThreads?: number | undefined;
    /** As `setLogLevel`, to the console. */
    logLevel?: LogLevel | undefined;
    [key: string]: unknown;
  }

  /** The options of a connection. Other keys are ignored, so that a whole `config.js` object may be passed. */
  interface ConnectionOptions {
    /** The `ws:` or `wss:` URL of the XMPP WebSocket (RFC 7395). Its query is kept. */
    serviceUrl: string;
    /** The names of the deployment. */
    hosts: HostsOptions;
    /** The room that connections are for, where `connect` is not given another. */
    name?: string | null | undefined;
    /** Stream management with resumption (XEP-0198); true if not given. */
    enableWebsocketResume?: boolean | null | undefined;
    /** How a dead link is found. */
    xmppPing?: XmppPingOptions | null | undefined;
    /** ms from the open WebSocket to the established session; 15000 if not given. */
    loginTimeout?: number | null | undefined;
    /** ms that `disconnect` waits for the server to close its side; 2000 if not given. */
    disconnectTimeout?: number | null | undefined;
    /** ms that `sendIq` and `ping` wait for the answer; 15000 if not given. */
    iqTimeout?: number | null | undefined;
    /** ms for a keep-alive or a conference request over HTTP; 10000 if not given. */
    httpTimeout?: number | null | undefined;
    /**
     * ms between the requests over HTTP that keep the client at its shard, plus up to a minute at random; 60000 if not
     * given, -1 for none. BOSH needs none.
     */
    websocketKeepAlive?: number | null | undefined;
    /** Where they go; the service URL as http(s), without `token` and `previd`, if not given. */
    websocketKeepAliveUrl?: string | null | undefined;
    /** The `http:` or `https:` URL for conference requests; without it they are IQs. */
    conferenceRequestUrl?: string | null | undefined;
    /** Send no conference request before connecting; false if not given. */
    disableFocus?: boolean | null | undefined;
    /** The JID of the focus user. */
    focusUserJid?: string | null | undefined;
    /** Whether to join as a visitor, where the conference has any; false if not given. */
    preferVisitor?: boolean | null | undefined;
    /** Whether this is a recorder, which is never redirected; false if not given. */
    iAmRecorder?: boolean | null | undefined;
    /** Whether this is a gateway to SIP, which is never redirected; false if not given. */
    iAmSipGateway?: boolean | null | undefined;
    /** Goes into the conference request as it is. */
    startAudioMuted?: boolean | number | null | undefined;
    /** Goes into the conference request as it is. */
    startVideoMuted?: boolean | number | null | undefined;
    /** What is measured. */
    analytics?: AnalyticsOptions | null | undefined;
    /** Where the deployment has placed this client, until it says so itself. */
    deploymentInfo?: DeploymentInfoOptions | null | undefined;
    /** STUN servers, part of `getIceServers`. */
    p2pStunServers?: readonly StunServer[] | null | undefined;
    /** How two participants find each other. */
    p2p?: P2pOptions | null | undefined;
    /** Whether to advertise the features of a client that handles media; false if not given. */
    mediaFeatures?: boolean | null | undefined;
    /** What else to advertise with `mediaFeatures`. */
    flags?: FlagsOptions | null | undefined;
    /** What is being tried out. */
    testing?: TestingOptions | null | undefined;
    /** What `getLogs` keeps. */
    logs?: LogsOptions | null | undefined;
    /** How to reach the server. */
    transport?: TransportOptions | null | undefined;
    /** Whom to trust. */
    tls?: TlsOptions | null | undefined;
    /** How to authenticate. */
    sasl?: SaslOptions | null | undefined;
    /** How a lost transport is replaced. */
    resume?: ResumeOptions | null | undefined;
    /** Given, even empty: a failure that may pass, such as a session lost for good, is followed by a new attempt. */
    reconnect?: ReconnectOptions | null | undefined;
    /** What may wait to be sent or acknowledged. */
    sendQueue?: SendQueueOptions | null | undefined;
    /** What may wait for the listeners. */
    eventQueue?: EventQueueOptions | null | undefined;
    [key: string]: unknown;
  }

  /** The names of the deployment. */
  interface HostsOptions {
    /** The XMPP domain. */
    domain: string;
    /** The guests' domain, used when there is no token. */
    anonymousdomain?: string | null | undefined;
    /** The component of the rooms; `conference.` and the domain if not given. */
    muc?: string | null | undefined;
    /** The component of the focus; `focus.` and the domain if not given. */
    focus?: string | null | undefined;
    [key: string]: unknown;
  }

  /** What is measured. */
  interface AnalyticsOptions {
    /** Goes into the conference request; false if not given. */
    rtcstatsEnabled?: boolean | null | undefined;
    [key: string]: unknown;
  }

  /** Where the deployment has placed this client, until it says so itself. */
  interface DeploymentInfoOptions {
    /** The shard that serves this client. */
    shard?: string | null | undefined;
    /** The region that it is in. */
    region?: string | null | undefined;
    [key: string]: unknown;
  }

  /** A STUN server, or a TURN server. */
  interface StunServer {
    /** Such as `stun:stun.example.org:3478`. */
    urls: string | readonly string[];
    /** For a TURN server. */
    username?: string | null | undefined;
    /** The password for that user name. */
    credential?: string | null | undefined;
  }

  /** How two participants find each other. */
  interface P2pOptions {
    /** STUN servers, part of `getIceServers`. */
    stunServers?: readonly StunServer[] | null | undefined;
    [key: string]: unknown;
  }

  /** What else to advertise with `mediaFeatures`. */
  interface FlagsOptions {
    /** False if not given. */
    ssrcRewritingEnabled?: boolean | null | undefined;
    [key: string]: unknown;
  }

  /** What is being tried out. */
  interface TestingOptions {
    /** Whether a changed shard is a `shardChangedError` instead of an `otherError`; false if not given. */
    enableGracefulReconnect?: boolean | null | undefined;
    [key: string]: unknown;
  }

  /** What `getLogs` keeps; the oldest frames go first. 0 keeps none. */
  interface LogsOptions {
    /** 500 if not given. */
    maxEntries?: number | null | undefined;
    /** 64 KiB if not given. */
    maxBytes?: number | null | undefined;
    [key: string]: unknown;
  }

  /** How to reach the server. */
  interface TransportOptions {
    /** ms from the name look-up to the open WebSocket; 15000 if not given. */
    connectTimeout?: number | null | undefined;
    /** A larger frame from the server ends the session; 10 MiB if not given. */
    maxStanzaBytes?: number | null | undefined;
    /** Whether the login may send ahead of the answers; `auto` if not given. */
    pipelining?: 'auto' | 'off' | null | undefined;
    /** Headers for the upgrade and for requests over HTTP. */
    headers?: Readonly<Record<string, string>> | null | undefined;
    /** URL of an HTTP proxy, `''` for none; as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say if not given. */
    proxy?: string | null | undefined;
    [key: string]: unknown;
  }

  /** How a dead link is found: XMPP ping (XEP-0199). */
  interface XmppPingOptions {
    /** ms of silence before a ping; 10000 if not given, 0 for no pings. */
    interval?: number | null | undefined;
    /** ms for the answer; 5000 if not given. */
    timeout?: number | null | undefined;
    /** How many unanswered pings make a dead link; 2 if not given. */
    threshold?: number | null | undefined;
    [key: string]: unknown;
  }

  /** How to authenticate. */
  interface SaslOptions {
    /** The only mechanisms to use. */
    mechanisms?: readonly SaslMechanism[] | null | undefined;
    /** Whether a password may go over an unencrypted link as it is; false if not given. */
    allowPlainWithoutTls?: boolean | null | undefined;
    [key: string]: unknown;
  }

  /** How a lost transport is replaced. The delays are random, each up to a bound that doubles. */
  interface ResumeOptions {
    /** ms for one attempt; 10000 if not given. */
    attemptTimeout?: number | null | undefined;
    /** ms after which it is given up; as long as the server keeps the session if not given, and never longer. */
    maxElapsed?: number | null | undefined;
    /** The shortest delay after a failed attempt, in ms; 0 if not given. */
    minDelay?: number | null | undefined;
    /** The longest delay, in ms; 10000 if not given. */
    maxDelay?: number | null | undefined;
    [key: string]: unknown;
  }

  /** When to try again after a failure that may pass. The delays are random, each up to a bound that doubles. */
  interface ReconnectOptions {
    /** How many attempts to make; without end if not given. */
    maxAttempts?: number | null | undefined;
    /** The bound of the delay after the first failed attempt, in ms; 1000 if not given. */
    baseDelay?: number | null | undefined;
    /** The longest delay, in ms; 30000 if not given. */
    maxDelay?: number | null | undefined;
    [key: string]: unknown;
  }

  /** What may wait to be sent or acknowledged; beyond it stanzas are refused with `send_queue_full`. */
  interface SendQueueOptions {
    /** 1000 if not given. */
    maxStanzas?: number | null | undefined;
    /** 4 MiB if not given. */
    maxBytes?: number | null | undefined;
    [key: string]: unknown;
  }

  /** What may wait for the listeners; beyond it the server is not read until half of it is delivered. */
  interface EventQueueOptions {
    /** 10000 if not given. */
    maxEvents?: number | null | undefined;
    /** 16 MiB if not given. */
    maxBytes?: number | null | undefined;
    /** ms without any progress after which the connection fails with `listener_stalled`; 30000 if not given. */
    stallTimeout?: number | null | undefined;
    [key: string]: unknown;
  }

  /** Whom to trust. */
  interface TlsOptions {
    /** PEM text (or a list of them) of the only authorities to trust; those of the platform if not given. */
    caCertificates?: string | readonly string[] | null | undefined;
    /** The name that the server's certificate must be for; the host of the URL if not given. */
    serverName?: string | null | undefined;
    /** PEM text of our own certificate, with its chain. */
    clientCertificate?: string | null | undefined;
    /** PEM text of its key. */
    clientKey?: string | null | undefined;
    /** Takes every certificate: for tests alone. */
    insecureSkipVerify?: boolean | null | undefined;
    [key: string]: unknown;
  }

  /** When things happened; what did not happen is missing. Of repeated things the last one counts. */
  interface ConnectionTimes {
    /** `connect` was called. */
    connecting?: number;
    /** The authentication request was sent. */
    authenticating?: number;
    /** The session was established. */
    connected?: number;
    /** `disconnect` was called. */
    disconnecting?: number;
    /** The connection was closed on request. */
    disconnected?: number;
    /** The server refused the authentication. */
    authfail?: number;
    /** The attempt failed or the session was lost, for another reason. */
    connfail?: number;
    /** Of the last attempt: the host name was resolved. */
    dns?: number;
    /** Of the last attempt: the TCP connection was open. */
    tcp?: number;
    /** Of the last attempt: the TLS handshake was complete. */
    tls?: number;
    /** Of the last attempt: the server had accepted the WebSocket upgrade. */
    upgrade?: number;
    /** Of the last attempt: the server had accepted the authentication. */
    authenticated?: number;
    /** Of the last attempt: the server had bound a resource. */
    bound?: number;
    /** Of the last attempt: the server had resumed the session. */
    resumed?: number;
    /** `attach` was called. */
    attaching?: number;
    /** The server has shown that it knows the session that was attached to. */
    attached?: number;
    /** No time: how many round trips to the server the last login or resumption took, from TCP on. */
    round_trips?: number;
  }

  /**
   * Where a connection stands. `connect` may be called while it is `idle`: new, failed, disconnected or redirected.
   * Values may be added.
   */
  type ConnectionState = 'idle' | 'connecting' | 'connected' | 'interrupted' | 'disconnecting' | Unknown;

  /** What a call returns. Values may be added. */
  type Status =
    | 'ok'
    | 'invalid_argument'
    | 'invalid_utf8'
    | 'invalid_option'
    | 'invalid_state'
    | 'connection_failed'
    | 'aborted'
    | 'timeout'
    | 'not_connected'
    | 'invalid_stanza'
    | 'send_queue_full'
    | 'session_lost'
    | 'redirected'
    | 'conference_request_failed'
    | 'forked'
    | 'unsupported_transport'
    | 'conference_failed'
    | 'internal'
    | Unknown;

  /** The class of a failure. Values may be added: treat one you do not know as `connection.otherError`. */
  type ConnectionErrorType =
    | 'connection.passwordRequired'
    | 'connection.droppedError'
    | 'connection.serverError'
    | 'connection.otherError'
    | 'connection.conferenceRequestFailed'
    | 'connection.notLiveError'
    | 'connection.shardChangedError'
    | Unknown;

  /** The cause of a failure. Values may be added: treat one you do not know as other. */
  type ConnectionErrorCode =
    | 'dns'
    | 'refused'
    | 'unreachable'
    | 'tls_certificate'
    | 'tls_handshake'
    | 'timeout_connect'
    | 'timeout_login'
    | 'not_websocket'
    | 'bad_subprotocol'
    | 'http_status'
    | 'sasl_failure'
    | 'no_mechanism'
    | 'bind_refused'
    | 'stream_error'
    | 'closed_by_server'
    | 'connection_lost'
    | 'malformed_xml'
    | 'stanza_too_large'
    | 'protocol_violation'
    | 'internal'
    | 'credentials_incomplete'
    | 'server_not_authenticated'
    | 'ping_timeout'
    | 'resume_refused'
    | 'resume_timeout'
    | 'over_acknowledged'
    | 'listener_stalled'
    | 'token_expired'
    | 'conference_request'
    | 'shard_changed'
    | 'proxy'
    | 'giving_up'
    | 'not_bosh'
    | Unknown;

  /** How much is logged. */
  type LogLevel = 'trace' | 'debug' | 'info' | 'log' | 'warn' | 'error' | 'off';

  /** A SASL mechanism that this package speaks. */
  type SaslMechanism = 'ANONYMOUS' | 'PLAIN' | 'SCRAM-SHA-1' | 'SCRAM-SHA-256';

  /** A value that a later version adds. Written so that editors still propose the known ones. */
  type Unknown = string & {};
}

export = JitsiMeetJS;
