'use strict';

// What the tests share: the servers, programs in processes of their own, and waiting with a deadline.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { createHmac } = require('node:crypto');
const { once } = require('node:events');
const http = require('node:http');
const path = require('node:path');
const readline = require('node:readline');

const JitsiMeetJS = require('jitsimeet');

const { STANZA_RECEIVED } = JitsiMeetJS.events.connection;

/** How long a test waits for anything, in ms. */
const DEADLINE = 20_000;

/** What the promise resolves with, unless that takes too long. */
async function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), DEADLINE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The arguments of the next event of this name. */
function happens(connection, event) {
  const happened = new Promise((resolve) => {
    const listener = (...args) => {
      connection.removeEventListener(event, listener);
      resolve(args);
    };
    connection.addEventListener(event, listener);
  });
  return soon(happened, event);
}

/** The names of the events from now on, in order, but for stanzas. */
function record(connection) {
  const seen = [];
  for (const event of Object.values(JitsiMeetJS.events.connection)) {
    if (event !== STANZA_RECEIVED) {
      connection.addEventListener(event, () => seen.push(event));
    }
  }
  return seen;
}

/** Expects a JitsiError that is not a failure of the connection, for `assert.rejects` and `assert.throws`. */
function status(code) {
  return (error) => {
    assert.ok(error instanceof JitsiMeetJS.JitsiError, error);
    assert.deepEqual([error.name, error.status, error.code], ['JitsiError', code, code]);
    return true;
  };
}

/** A JSON Web Token (HS256), for an hour if not for so many seconds. */
function jsonWebToken(secret, seconds = 3600) {
  const encode = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
  const signed = `${encode({ alg: 'HS256' })}.${encode({ exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** A process whose output is read line by line. */
class Program {
  #child;
  #lines;
  #ended;

  /** What it wrote to its standard error. */
  stderr = '';

  constructor(file, args, env = {}) {
    this.#child = spawn(file, args, { env: { ...process.env, ...env } });
    this.#lines = readline.createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('close', (code, signal) => resolve(signal ?? code));
      this.#child.once('error', reject);
    });
    this.#ended.catch(() => {});
  }

  /** The next line of its output; undefined at its end. */
  async line() {
    const { value } = await soon(this.#lines.next(), 'a line of output');
    return value;
  }

  /** Its exit status, or the signal that ended it, and the rest of its output. */
  async end() {
    const status = await soon(this.#ended, 'the end of a process');
    const lines = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) {
      lines.push(line);
    }
    return { status, lines, stderr: this.stderr };
  }

  /** As `end`, without a deadline but that of the test. */
  async whole() {
    const lines = [];
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next()) {
      lines.push(next.value);
    }
    return { status: await this.#ended, lines, stderr: this.stderr };
  }

  kill(signal = 'SIGKILL') {
    this.#child.kill(signal);
  }

  /** Writes a line to its standard input. */
  say(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Closes its standard input. */
  hush() {
    this.#child.stdin.end();
  }

  /** Ends a helper of this project. */
  async stop() {
    this.hush();
    await soon(this.#ended, 'the end of a helper');
  }

  async command(command) {
    this.say(JSON.stringify(command));
    const answer = JSON.parse(await this.line());
    assert.equal(answer.error, undefined);
    return answer;
  }
}

/** Starts a program by its path. */
function startAt(t, file, env) {
  const program = new Program(process.execPath, [file], env);
  t.after(() => program.kill());
  return program;
}

/** Runs such a program to its end. */
function runAt(t, file, env) {
  return startAt(t, file, env).end();
}

/** Starts a program of test/programs, or any by its path from there. */
function start(t, file, env) {
  return startAt(t, path.resolve(__dirname, 'programs', file), env);
}

/** Runs such a program to its end. */
function run(t, file, env) {
  return start(t, file, env).end();
}

/** As `run`, without a deadline but that of the test. */
function runWhole(t, file, env) {
  return start(t, file, env).whole();
}

/** A running server: how to reach it and how to command it. */
class Server {
  #program;
  #connections = [];

  constructor(program, { serviceUrl, boshUrl, domain, caCertificate }) {
    this.#program = program;
    this.serviceUrl = serviceUrl;
    this.boshUrl = boshUrl;
    this.domain = domain;
    this.caCertificate = caCertificate;
  }

  /** How a program of test/programs is told of it. */
  get environment() {
    return { SERVICE_URL: this.serviceUrl, DOMAIN: this.domain };
  }

  /** The options of a connection to it. */
  options(more = {}) {
    const tls = this.caCertificate === null ? null : { caCertificates: this.caCertificate };
    return { serviceUrl: this.serviceUrl, hosts: { domain: this.domain }, tls, ...more };
  }

  connection(more, token = null) {
    const connection = new JitsiMeetJS.JitsiConnection(null, token, this.options(more));
    this.#connections.push(connection);
    return connection;
  }

  /** Ends the connections that a test left behind. */
  async leave() {
    await Promise.all(this.#connections.map((connection) => connection.disconnect()));
  }

  /** Sets what goes wrong with the connections from now on. */
  async faults(faults) {
    await this.#program.command({ command: 'faults', ...faults });
  }

  /** Sets up a BOSH session of a guest: what `attach` takes. */
  async prebind() {
    return (await this.#program.command({ command: 'prebind' })).prebound;
  }

  /** Closes all streams. */
  async close() {
    await this.#program.command({ command: 'close' });
  }

  /** Cuts all connections. Sessions can be resumed. */
  async cut() {
    await this.#program.command({ command: 'cut' });
  }

  /** Cuts all connections and forgets all sessions. */
  async restart() {
    await this.#program.command({ command: 'restart' });
  }

  /** Sends a stanza to a full JID. */
  async deliver(jid, stanza) {
    const { ok } = await this.#program.command({ command: 'deliver', jid, stanza });
    assert.ok(ok, `${jid} is not bound`);
  }

  /** How many connections it has accepted so far. */
  async connections() {
    return (await this.#program.command({ command: 'sessions' })).connections;
  }

  /** Resolves when it has accepted so many connections. */
  async hasConnections(count) {
    await this.#has('connections', count, (answer) => answer.connections);
  }

  /** Resolves when it has this many sessions. */
  async hasSessions(count) {
    await this.#has('sessions', count, (answer) => answer.sessions.length);
  }

  async #has(what, count, number) {
    const deadline = performance.now() + DEADLINE;
    for (;;) {
      const has = number(await this.#program.command({ command: 'sessions' }));
      if (has === count) {
        return;
      }
      assert.ok(performance.now() < deadline, `${has} ${what} instead of ${count}`);
    }
  }
}

/** A program of this project. */
function helper(name, variable, args) {
  return new Program(process.env[variable] ?? path.join(__dirname, '../../target/release', name), args);
}

/** Runs a helper that needs no input to its end, however long that takes. */
function runHelper(t, name, variable, args) {
  const program = helper(name, variable, args);
  t.after(() => program.kill());
  return program.whole();
}

/** Starts a helper of this project, which says as JSON how to reach it; else, its exit status. */
async function startHelper(t, name, variable, args) {
  const program = helper(name, variable, args);
  t.after(() => program.stop());
  const line = await program.line();
  return line === undefined ? { program, ...(await program.end()) } : { program, reach: JSON.parse(line) };
}

/** The server that a helper starts, or stands before, for a test. */
function serverFor(t, program, reach) {
  const server = new Server(program, reach);
  t.after(() => server.leave());
  return server;
}

/** Starts the embedded server for a test. */
async function startServer(t, ...args) {
  const { program, reach, stderr } = await startHelper(t, 'jitsimeet-testserver', 'JITSIMEET_TESTSERVER', args);
  assert.notEqual(reach, undefined, stderr);
  return serverFor(t, program, reach);
}

/** Puts itself before a server. What it returns is reached like the server, and cuts connections on command. */
async function startProxy(t, server) {
  const url = new URL(server.serviceUrl);
  const { program, reach, stderr } = await startHelper(t, 'jitsimeet-testproxy', 'JITSIMEET_TESTPROXY', [url.port]);
  assert.notEqual(reach, undefined, stderr);
  url.port = reach.port;
  return serverFor(t, program, { ...server, serviceUrl: url.href });
}

/** Starts a Prosody for a test, to be reached over `ws:` and `wss:`; where there is none, the test is skipped. */
async function startProsody(t) {
  const helper = await startHelper(t, 'jitsimeet-testprosody', 'JITSIMEET_TESTPROSODY', []);
  const { program, reach, status, stderr } = helper;
  if (status === 3 && process.env.CI !== 'true') {
    t.skip('Prosody is not installed');
    return undefined;
  }
  assert.notEqual(reach, undefined, stderr);
  return {
    plain: serverFor(t, program, { ...reach, caCertificate: null }),
    secure: serverFor(t, program, { ...reach, serviceUrl: reach.secureServiceUrl }),
  };
}

/** Starts a server of HTTP for a test; returns its URL. */
async function startHttp(t, handle) {
  const server = http.createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

module.exports = {
  ...JitsiMeetJS.events.connection,
  happens,
  jsonWebToken,
  record,
  run,
  runAt,
  runHelper,
  runWhole,
  soon,
  start,
  startAt,
  startHttp,
  startProsody,
  startProxy,
  startServer,
  status,
};
