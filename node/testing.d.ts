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

  /** Sets what the rooms, `NAME@conference.meet.example`, are like from now on. */
  setRooms(settings: RoomSettings): void;

  /** Sets the answers to those who want to enter a room. Each takes the next one; without any the room answers. */
  setJoins(answers: readonly JoinAnswer[]): void;

  /**
   * Has something happen in a room, which is given by its name or its bare JID. False if it cannot happen: the room, or
   * who is to do it, is not there, or may not do it.
   */
  orderRoom<Name extends keyof RoomOrders>(room: string, name: Name, ...fields: RoomOrders[Name]): boolean;

  /** What a room is like, which is given by its name or its bare JID; null if there is none. */
  getRoom(room: string): Room | null;

  /** The last 1000 answers of clients to offers of the focus. */
  getJingleAnswers(): JingleAnswer[];

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
  /** As `setRooms` takes it. */
  rooms?: RoomSettings;
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
  /** Forget all sessions and rooms, and drop every TCP connection. */
  restart: [];
  /** End every session that waits to be resumed, as if its time were over. */
  expire: [];
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

/** What the rooms are like. */
export interface RoomSettings {
  /** Only the focus may create a room; others are told "Room creation is restricted"; false if not given. */
  restrictCreation?: boolean;
  /** How many may be in a room beside the focus. */
  maxOccupants?: number;
  /** Moderators alone learn the real JIDs, in rooms that are created from now on; false if not given. */
  semiAnonymous?: boolean;
  /** A conference request brings the focus into the room; true if not given. */
  focus?: boolean;
  /** The focus makes the first to come an owner, and another one when the owner leaves; true if not given. */
  autoOwner?: boolean;
  /** The focus offers media as soon as there are two; true if not given. */
  offers?: boolean;
  /** The region of the bridge, as offers tell it. */
  region?: string;
  /** What the focus tells in its presence as `conference-properties`. */
  properties?: Record<string, string>;
  /** The id of the meeting in rooms that are created from now on; a new one for each if not given. */
  meetingId?: string;
  /** More fields of the form that tells about a room, such as `muc#roominfo_isbreakout`. */
  fields?: Record<string, string>;
  /** More features of a room. */
  features?: readonly string[];
}

/** The answer to a request to enter a room; what the room answers if empty. */
export interface JoinAnswer {
  /** Answer nothing. */
  silent?: boolean;
  /** Refuse with this condition (RFC 6120, section 8.3.3). */
  error?: string;
  /** The type of the error; `cancel` if not given. */
  type?: 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';
  /** Its text. */
  text?: string;
  /** What else is in the error, as XML. */
  application?: string;
}

/** The long-lived standing of a user in a room. */
export type Affiliation = 'outcast' | 'none' | 'member' | 'admin' | 'owner';

/** What an occupant may do while it is in a room. */
export type Role = 'none' | 'visitor' | 'participant' | 'moderator';

/** What can be made to happen in a room, and the fields that it takes. An `actor` is the nick of who does it. */
export interface RoomOrders {
  /** End the room. */
  destroy: [
    fields?: {
      /** Why. */
      reason?: string;
      /** The JID of the room to go to. */
      alternate?: string;
    },
  ];
  /** Kick an occupant. */
  kick: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** Why. */
      reason?: string;
      /** The nick of who does it. */
      actor?: string;
    },
  ];
  /** Give an occupant another affiliation: `owner` makes a moderator, `outcast` bans. */
  affiliate: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** What it becomes. */
      affiliation: Affiliation;
      /** Why. */
      reason?: string;
      /** The nick of who does it. */
      actor?: string;
    },
  ];
  /** Give an occupant another role. */
  role: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** What it becomes. */
      role: Role;
    },
  ];
  /** Change the configuration, and tell the occupants that it has changed. What is left out stays. */
  configure: [fields: RoomConfiguration];
  /** Have somebody enter who is not connected, with this in its presence, as XML. */
  enter: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** Its full JID; one of its own if not given. One like that of the focus makes it an impostor. */
      jid?: string;
      /** Its affiliation. */
      affiliation?: Affiliation;
      /** What its presence holds, as XML. */
      content?: string;
    },
  ];
  /** Have so many of these enter, each with a presence as Jitsi Meet sends it. */
  populate: [
    fields: {
      /** How many. */
      count: number;
    },
  ];
  /** Have one of these send another presence. */
  presence: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** What its presence holds, as XML. */
      content?: string;
    },
  ];
  /** Have one of these send so many presences. */
  flood: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** How many. */
      count: number;
    },
  ];
  /** Have one of these take a display name of so many bytes. */
  longName: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** The length of the display name. */
      bytes: number;
    },
  ];
  /** Have one of these leave. */
  leave: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
      /** What it says. */
      status?: string;
    },
  ];
  /** Send a stanza as if it came from the room, or from this nick, to all clients in the room, or to this nick. */
  send: [
    fields: {
      /** The stanza, with its namespace. */
      stanza: string;
      /** The nick that it comes from; the room if not given. */
      from?: string;
      /** The nick that it goes to; all clients in the room if not given. */
      to?: string;
    },
  ];
  /** The focus comes. */
  focusJoins: [];
  /** The focus goes. */
  focusLeaves: [];
  /** The focus offers media to an occupant that has no session with it. */
  offer: [
    fields: {
      /** The nick of who it is about. */
      nick: string;
    },
  ];
}

/** A change of a room's configuration. What is left out stays. */
export interface RoomConfiguration {
  /** The password; an empty one is none. */
  password?: string;
  /** Members alone may enter. Who is none has to go. */
  membersOnly?: boolean;
  /** Members alone may enter, others are sent to a lobby. Who is in the room becomes a member. */
  lobby?: boolean;
  /** Those in the lobby are told that a host is to come. */
  waitingForHost?: boolean;
  /** Moderators alone learn the real JIDs. */
  semiAnonymous?: boolean;
  /** All participants may set the subject. */
  changeSubject?: boolean;
}

/** What a room is like. */
export interface Room {
  /** Its bare JID. */
  jid: string;
  /** Who is in it, by nick. */
  occupants: Occupant[];
  /** If it was set. */
  subject: string | null;
  /** If there is one. */
  password: string | null;
  /** Members alone may enter. */
  membersOnly: boolean;
  /** The JID of the lobby, if there is one. */
  lobby: string | null;
  /** Moderators alone learn the real JIDs. */
  semiAnonymous: boolean;
  /** The id of the meeting. */
  meetingId: string;
}

/** Who is in a room. */
export interface Occupant {
  /** Its name in the room. */
  nick: string;
  /** Its full JID. */
  jid: string;
  /** Its standing. */
  affiliation: Affiliation;
  /** What it may do. */
  role: Role;
  /** What its presence holds beside what the room adds, as XML. */
  presence: string;
}

/** What a client said to an offer of the focus. */
export interface JingleAnswer {
  /** The bare JID of the room. */
  room: string;
  /** The nick of the client. */
  nick: string;
  /** `result` or `error` of the offer itself, else the action of what came, `session-terminate` for example. */
  answer: string;
  /** The session. */
  sid: string | null;
  /** The condition of an error, or the reason of a termination. */
  condition: string | null;
  /** The id of the bridge session that came along. */
  bridgeSession: string | null;
  /** The error condition that the focus answered with. */
  refused: string | null;
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
