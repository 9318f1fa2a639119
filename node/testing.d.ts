/// <reference lib="esnext.disposable" />

/**
 * A server for the tests of programs that use this package: offline, in the process of the test, and with faults on
 * command.
 *
 * ```js
 * const { TestServer } = require('jitsimeet/testing'); // or: import { TestServer } from 'jitsimeet/testing';
 *
 * const server = await TestServer.start();
 * const connection = new JitsiConnection(null, null, {
 *   serviceUrl: server.serviceUrl,
 *   hosts: { domain: server.domain },
 * });
 * await connection.connectAsync();
 * server.order('cut'); // the session is resumed
 * await connection.disconnect();
 * server.close();
 * ```
 *
 * It speaks what a Jitsi Meet deployment speaks to its clients, on the loopback interface alone, with a thread of its
 * own. It does not keep the process alive.
 */

/** A running server. Collecting it as garbage closes it. */
export class TestServer implements AsyncDisposable {
  private constructor();

  /**
   * Starts a server.
   *
   * @throws {Error} (the promise) if an option is unusable or the port is taken.
   */
  static start(options?: TestServerOptions): Promise<TestServer>;

  /** For the option `serviceUrl`. */
  readonly serviceUrl: string;
  /** For the option `websocketKeepAliveUrl`. */
  readonly healthUrl: string;
  /** For the option `conferenceRequestUrl`. */
  readonly conferenceRequestUrl: string;
  /** For the option `hosts.domain`. */
  readonly domain: string;
  /** For the option `tls.caCertificates`; null without TLS. */
  readonly caCertificate: string | null;

  /** Sets what goes wrong with the connections that it accepts from now on, and with the health check at once. */
  setFaults(faults: Faults): void;

  /** Sets what it tells of itself from now on. */
  setDeployment(deployment: Deployment): void;

  /** Sets the answers to conference requests. Each request takes the next one, the last one stays. */
  setConference(answers: readonly ConferenceAnswer[]): void;

  /** Disturbs the connections that there are. */
  order<Name extends keyof Orders>(name: Name, ...fields: Orders[Name]): void;

  /** Sends a stanza to a full JID; false if nobody is bound there. */
  deliver(jid: string, stanza: string): boolean;

  /** The full JIDs that are bound at this moment, those that wait to be resumed included. */
  getSessions(): string[];

  /** How many TCP connections it has accepted so far. */
  getConnectionCount(): number;

  /** The last 1000 HTTP requests, those for a WebSocket included. */
  getRequests(): HttpRequest[];

  /** The last 1000 conference requests. */
  getConferenceRequests(): ConferenceRequest[];

  /** Cuts all connections and frees the port. Every other method throws afterwards. */
  close(): void;

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a server is to be started. */
export interface TestServerOptions {
  /** The port on 127.0.0.1; one that is free if not given. */
  port?: number;
  /** Serve `wss:`, with a certificate for `localhost` from a fresh authority; false if not given. */
  tls?: boolean;
  /** User names and their passwords. */
  accounts?: Record<string, string>;
  /** Guests must bear a JSON Web Token signed with this secret (HS256). */
  tokenSecret?: string;
  /** As `setDeployment` takes it. */
  deployment?: Deployment;
  /** As `setConference` takes them. */
  conference?: readonly ConferenceAnswer[];
}

/** What goes wrong; nothing if empty. */
export interface Faults {
  /** In place of the WebSocket upgrade. */
  upgrade?: 'silent' | 'refuse' | 'no_subprotocol' | 'not_http' | 'web_page';
  /** The HTTP status that `upgrade: 'refuse'` and `health: 'status'` answer with; 503 if not given. */
  status?: number;
  /** Of the XMPP stream. */
  stream?:
    | 'silent'
    | 'close'
    | 'cut'
    | 'malformed'
    | 'binary'
    | 'large'
    | 'host_unknown'
    | 'no_anonymous'
    | 'refuse_auth'
    | 'refuse_bind'
    | 'stanza'
    | 'require_session'
    | 'no_close';
  /** Of the health check. */
  health?: 'silent' | 'status' | 'endless' | 'no_shard';
  /** When a session is to be resumed. */
  resume?: 'refuse' | 'refuse_with_count' | 'silent' | 'over_acknowledge';
  /** Offer no stream management. */
  noManagement?: boolean;
  /** Grant to resume a session without saying by which id. */
  noId?: boolean;
  /** Where to come back to resume a session. */
  location?: string;
  /** The mechanisms offered, in place of those that it has. */
  mechanisms?: readonly string[];
}

/** The orders, and the fields that each takes. */
export interface Orders {
  /** Drop every TCP connection. The sessions can be resumed. */
  cut: [];
  /** Neither read nor write any more, and keep the connections. */
  stall: [];
  /** Go on reading, and send nothing any more. */
  silence: [];
  /** Forget all sessions and drop every TCP connection. */
  restart: [];
  /** Close every stream with `<close/>`. */
  close: [];
  /** Close every WebSocket without closing its stream first. */
  end: [];
  /** Send a frame as it is, behind the back of all counters. */
  inject: [fields: { frame: string }];
  /** Send a text frame that is not UTF-8. */
  invalidUtf8: [];
  /** Send a binary frame. */
  binary: [];
  /** Send a frame that is not well-formed. */
  malformed: [];
  /** Send a stanza of at least so many bytes. */
  oversize: [fields: { bytes: number }];
  /** From now on send each frame in fragments of at most so many bytes. */
  split: [fields: { bytes: number }];
  /** Send the frame after the next before the next. */
  reorder: [];
  /** End the stream with this error (RFC 6120, section 4.9.3). */
  streamError: [fields: { condition: string }];
  /** Acknowledge one stanza more than was sent. */
  overAcknowledge: [];
  /** Acknowledge what was handled, and then one stanza less. */
  acknowledgeBackwards: [];
  /** Send messages of at least so many bytes as fast as they are read, for ever. */
  flood: [fields: { bytes: number }];
}

/** The deployment that the server pretends to be; one that tells nothing if empty. */
export interface Deployment {
  /** Whether it tells of itself unasked; `none` if not given. */
  push?: 'none' | 'before_bind' | 'after_bind';
  /** The name of the shard. */
  shard?: string;
  /** The name of the region. */
  region?: string;
  /** The name of the release. */
  release?: string;
  /** The addresses of components by type, such as `lobbyrooms`. */
  components?: Record<string, string>;
  /** The features that components tell of, by address. */
  componentFeatures?: Record<string, readonly string[]>;
  /** The features of the server, beside those that it always has. */
  features?: readonly string[];
  /** STUN and TURN services. */
  services?: readonly Service[];
  /** Which versions of external service discovery (XEP-0215) are answered; `both` if not given. */
  extdisco?: 'both' | 'v1' | 'none';
  /** Sent as it is in place of the push. `{jid}` becomes the client's full JID. */
  rawPush?: string;
}

/** A STUN or TURN service. */
export interface Service {
  /** What it is. */
  type: 'stun' | 'turn' | 'turns';
  /** The name of its host. */
  host: string;
  /** Left out if not given. */
  port?: number;
  /** Left out if not given. */
  transport?: 'udp' | 'tcp';
  /** For TURN. */
  username?: string;
  /** For TURN. */
  password?: string;
  /** Until when the password is good (XEP-0082). */
  expires?: string;
  /** User name and password are needed; false if not given. */
  restricted?: boolean;
}

/** The answer to a conference request; that the conference is ready if empty. */
export interface ConferenceAnswer {
  /** Whether the focus is in the room; true if not given. */
  ready?: boolean;
  /** Who the focus is; left out if null. */
  focusJid?: string | null;
  /** The visitor node to go to. */
  vnode?: string;
  /** Who the focus takes the client for. */
  identity?: string;
  /** The session to come back with. */
  sessionId?: string;
  /** Those of the answer. */
  properties?: Record<string, string>;
  /** An error in place of the answer: `not-authorized`, `session-invalid`, or another defined condition. */
  error?: string;
  /** A refusal of the reservation system in place of the answer. */
  reservation?: Reservation;
  /** What to answer over HTTP, in place of all above. */
  http?: HttpAnswer;
  /** Answer nothing. */
  silent?: boolean;
  /** Who answers over XMPP, in place of who was asked. */
  from?: string;
  /** Answer twice over XMPP. */
  twice?: boolean;
  /** ms to wait before the answer. */
  delay?: number;
}

/** A refusal of the reservation system. */
export interface Reservation {
  /** Its code. */
  code: number;
  /** What it says. */
  text: string;
}

/** An answer of HTTP, right or wrong. */
export interface HttpAnswer {
  /** 302 with a location and 200 without, if not given. */
  status?: number;
  /** Empty if not given. */
  body?: string;
  /** Where to go instead. */
  location?: string;
  /** Answer nothing. */
  hang?: boolean;
  /** Answer with a body that never ends. */
  endless?: boolean;
}

/** An HTTP request that the server has seen. */
export interface HttpRequest {
  /** Such as `GET`. */
  method: string;
  /** With its query. */
  path: string;
  /** The header `Authorization`. */
  authorization: string | null;
  /** As text. */
  body: string;
  /** Whether it asks for a WebSocket. */
  upgrade: boolean;
}

/** A conference request that the server has seen. */
export interface ConferenceRequest {
  /** How it came. */
  over: 'http' | 'iq';
  /** The room that it is for. */
  room: string;
  /** The machine of the client. */
  machineUid: string | null;
  /** An attribute over XMPP, the bearer over HTTP. */
  token: string | null;
  /** The session to come back to. */
  sessionId: string | null;
  /** Those of the request. */
  properties: Record<string, string>;
}
