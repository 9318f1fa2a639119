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
  function shutdown(options?: { timeout?: number }): Promise<void>;

  /** The names of the events. */
  const events: {
    readonly connection: {
      /** The session is established. */
      readonly CONNECTION_ESTABLISHED: 'connection.connectionEstablished';
      /** The attempt failed or the session was lost. The connection is idle: `connect` may be called. */
      readonly CONNECTION_FAILED: 'connection.connectionFailed';
      /** The connection was closed on request. */
      readonly CONNECTION_DISCONNECTED: 'connection.connectionDisconnected';
    };
  };

  /** The types of errors. */
  const errors: {
    readonly connection: {
      /** The credentials were refused, or credentials are needed and none were given. */
      readonly PASSWORD_REQUIRED: 'connection.passwordRequired';
      /** An established session was lost, or the peer broke the protocol. */
      readonly CONNECTION_DROPPED_ERROR: 'connection.droppedError';
      /** The service URL answered with an HTTP status of 5xx. */
      readonly SERVER_ERROR: 'connection.serverError';
      /** Every other failure. */
      readonly OTHER_ERROR: 'connection.otherError';
    };
  };

  /** A connection to a Jitsi Meet deployment. */
  class JitsiConnection {
    /**
     * Makes a connection, without connecting.
     *
     * @param appID - accepted for lib-jitsi-meet's sake, which does not send it either.
     * @param token - a JSON Web Token of the deployment, or null.
     * @throws {InvalidOptionError} naming the key that is missing or unusable.
     */
    constructor(appID: string | null | undefined, token: string | null | undefined, options: ConnectionOptions);

    /**
     * Starts to connect. The outcome comes as an event, never before this call returns.
     *
     * @throws {JitsiError} `invalid_state` unless the connection is idle: new, failed or disconnected.
     */
    connect(options?: ConnectOptions | null): void;

    /**
     * As `connect`, with the outcome as a promise too. A rejection that nobody awaits does no harm.
     *
     * @param control.signal - aborting it is `disconnect`; the promise then rejects with the signal's reason.
     * @returns a promise of the full JID, settled after the event was delivered.
     * @throws {JitsiError} (the promise) with the `code` of the failure; `aborted` after `disconnect`.
     */
    connectAsync(options?: ConnectOptions | null, control?: { signal?: AbortSignal | undefined }): Promise<string>;

    /**
     * Closes the connection in an orderly way, or gives up the attempt under way. Of an idle connection it does
     * nothing.
     *
     * @returns a promise that resolves after `CONNECTION_DISCONNECTED` was delivered.
     */
    disconnect(): Promise<void>;

    /** The full JID, from the moment it is bound until the next attempt; otherwise null. */
    getJid(): string | null;

    /** When the phases of this connection happened, in ms on the clock of `performance.now()`. */
    getConnectionTimes(): ConnectionTimes;

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
  }

  /** What the listeners of each event are called with. */
  interface ConnectionEvents {
    'connection.connectionEstablished': [id: string];
    'connection.connectionFailed': [
      errorType: ConnectionErrorType,
      message: string,
      credentials: Credentials | undefined,
      details: FailureDetails,
    ];
    'connection.connectionDisconnected': [message: string | undefined];
  }

  /** Who tried to connect. Never a password. */
  interface Credentials {
    jid: string;
  }

  /** The finer cause of a failure. */
  interface FailureDetails {
    code: ConnectionErrorCode;
    /** Whether trying again later may succeed without changing anything. */
    transient: boolean;
    /** The condition of RFC 6120 that the server named, such as `host-unknown`. */
    condition?: string;
    /** The HTTP status, where an HTTP answer was the cause. */
    http_status?: number;
    /** The text that the server sent with its refusal. */
    server_text?: string;
  }

  /**
   * Why a call failed.
   *
   * Of a connection that failed, `status` is `connection_failed`, `code` the cause, and the other fields are those of
   * the event; of everything else, `code` is the `status`.
   */
  class JitsiError extends Error {
    private constructor();
    readonly status: Status;
    readonly code: ConnectionErrorCode | Status;
    readonly errorType?: ConnectionErrorType;
    readonly transient?: boolean;
    readonly condition?: string;
    readonly httpStatus?: number;
    readonly serverText?: string;
  }

  /** An argument is unusable: a plain `TypeError` with a code. */
  interface InvalidArgumentError extends TypeError {
    readonly status: 'invalid_argument';
    readonly code: 'invalid_argument';
  }

  /** An option is missing or unusable: a plain `TypeError` that names it. */
  interface InvalidOptionError extends TypeError {
    readonly status: 'invalid_option';
    readonly code: 'invalid_option';
    /** The path of the option, such as `hosts.domain`. */
    readonly key: string;
  }

  /** How to log in. Anonymous login is the only one so far: `id` and `password` are refused. */
  interface ConnectOptions {
    id?: null | undefined;
    password?: null | undefined;
  }

  /** The options of `init`. Other keys are ignored, so that a whole configuration of lib-jitsi-meet may be passed. */
  interface InitOptions {
    /** Threads that serve all connections of the process; 2 if not given. */
    workerThreads?: number | undefined;
    [key: string]: unknown;
  }

  /** The options of a connection. Other keys are ignored, so that a whole `config.js` object may be passed. */
  interface ConnectionOptions {
    /** The `ws:` or `wss:` URL of the XMPP WebSocket (RFC 7395). Its query is kept. */
    serviceUrl: string;
    hosts: HostsOptions;
    /** ms from the open WebSocket to the established session; 15000 if not given. */
    loginTimeout?: number | null | undefined;
    /** ms that `disconnect` waits for the server to close its side; 2000 if not given. */
    disconnectTimeout?: number | null | undefined;
    transport?: TransportOptions | null | undefined;
    tls?: TlsOptions | null | undefined;
    [key: string]: unknown;
  }

  /** The names of the deployment. */
  interface HostsOptions {
    /** The XMPP domain. */
    domain: string;
    /** The guests' domain, used when there is no token. */
    anonymousdomain?: string | null | undefined;
    [key: string]: unknown;
  }

  /** How to reach the server. */
  interface TransportOptions {
    /** ms from the name look-up to the open WebSocket; 15000 if not given. */
    connectTimeout?: number | null | undefined;
    /** A larger frame from the server ends the session; 10 MiB if not given. */
    maxStanzaBytes?: number | null | undefined;
    [key: string]: unknown;
  }

  /** Whom to trust. */
  interface TlsOptions {
    /** PEM text (or a list of them) of the only authorities to trust; those of the platform if not given. */
    caCertificates?: string | readonly string[] | null | undefined;
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
  }

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
    | 'internal'
    | Unknown;

  /** The class of a failure. Values may be added: treat one you do not know as `connection.otherError`. */
  type ConnectionErrorType =
    | 'connection.passwordRequired'
    | 'connection.droppedError'
    | 'connection.serverError'
    | 'connection.otherError'
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
    | Unknown;

  /** A value that a later version adds. Written so that editors still propose the known ones. */
  type Unknown = string & {};
}

export = JitsiMeetJS;
