// Plays the scenarios of tests/scenarios, whose README has the protocol: requests come as lines of JSON, each is
// answered with one.

const readline = require('node:readline');
const { inspect } = require('node:util');

const { events, JitsiConnection, setLogLevel } = require('jitsimeet');

const FIELDS = {
  'connection.connectionEstablished': (id, session) => ({ id, ...session }),
  'connection.connectionFailed': (error_type, message, _credentials, details) => ({ error_type, message, ...details }),
  'connection.redirected': (vnode, focus_jid) => ({ vnode, focus_jid }),
  'connection.propertiesUpdated': (location) => location,
  'connection.interrupted': (interruption) => interruption,
  'connection.resumed': ({ attempts, resent }) => ({ attempts, resent }),
};

const CALLS = {
  connect: (connection, options) => connection.connectAsync(options),
  attach: (connection, session) => connection.attach(session),
  disconnect: (connection) => connection.disconnect(),
  refreshToken: (connection, { token }) => connection.refreshToken(token),
  sendStanza: (connection, { xml }) => connection.sendStanza(xml),
  sendIq: (connection, { xml, timeout }) => connection.sendIq(xml, { timeout }),
  ping: (connection, { timeout }) => connection.ping(timeout),
  sendConferenceRequest: (connection, { room }) => connection.sendConferenceRequest(room),
};

/** The outcome of a call that was not successful, as a delivery has it. */
function outcome({ status, code, errorType, condition, serverText }) {
  const failure = { error_type: errorType, code, condition, server_text: serverText };
  return { status, ...(errorType !== undefined && { failure }) };
}

/** What a program could show, and what of it was not told yet. */
class Showing {
  #log = [];
  #printed = [];

  constructor() {
    setLogLevel('trace', (record) => this.#log.push(inspect(record, { depth: null })));
  }

  /** Prints a value in every way that there is. */
  show(value) {
    this.#printed.push(String(value), inspect(value, { depth: null, showHidden: true, getters: true }));
    if (value instanceof Error) {
      this.#printed.push(value.stack, JSON.stringify(value));
    }
  }

  shown(connection) {
    const logs = connection.getLogs();
    this.show(connection);
    this.show(logs);
    const [log, printed] = [this.#log, this.#printed].map((texts) => texts.splice(0).join('\n'));
    return { log, printed, get_logs: JSON.stringify(logs) };
  }
}

/** Once whatever has been settled has been heard. */
function heard() {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** A connection and what it has delivered. */
class Game {
  #deliveries = [];
  #asked;

  constructor(options, token) {
    this.connection = new JitsiConnection(null, token, options);
    for (const event of Object.values(events.connection)) {
      if (event !== events.connection.STANZA_RECEIVED) {
        const fields = FIELDS[event] ?? (() => ({}));
        this.connection.on(event, (...args) => {
          for (const arg of args) {
            showing.show(arg);
          }
          this.#deliver({ event, fields: fields(...args) });
        });
      }
    }
  }

  #deliver(delivery) {
    this.#deliveries.push(delivery);
    this.#asked?.();
  }

  /** Makes a call; returns the status with which the call itself refuses, or `ok`. */
  async call(name, args, number) {
    let refused;
    let made = false;
    const settle = (told) => {
      if (made) {
        this.#deliver({ outcome: number, ...told });
      } else {
        refused = told.status;
      }
    };
    try {
      // Of what returns nothing only events tell.
      CALLS[name](this.connection, args)?.then(
        () => settle({ status: 'ok' }),
        (error) => {
          showing.show(error);
          settle(outcome(error));
        },
      );
    } catch (error) {
      showing.show(error);
      refused = error instanceof TypeError ? 'invalid_argument' : error.status;
    }
    await heard();
    made = true;
    return refused ?? 'ok';
  }

  async next() {
    if (this.#deliveries.length === 0) {
      await new Promise((resolve) => {
        this.#asked = resolve;
      });
    }
    return this.#deliveries.shift();
  }

  rest() {
    return this.#deliveries.splice(0);
  }
}

const showing = new Showing();
let game;

async function answer(request) {
  switch (request.do) {
    case 'new':
      game = new Game(request.options, request.token);
      return { ok: true };
    case 'call':
      return { status: await game.call(request.name, request.arguments, request.number) };
    case 'next':
      return game.next();
    case 'rest':
      return { deliveries: game.rest() };
    case 'shown':
      return showing.shown(game.connection);
    case 'end':
      // What it still delivers goes to nobody.
      game?.connection.disconnect();
      game = undefined;
      return { ok: true };
    default:
      throw new Error(`there is no request ${request.do}`);
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const answered = await answer(JSON.parse(line)).catch((error) => ({ error: error.message }));
    process.stdout.write(`${JSON.stringify(answered)}\n`);
  }
}

main();
