'use strict';

// What the tests share: the servers, programs in processes of their own, and waiting with a deadline.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');
const readline = require('node:readline');

const JitsiMeetJS = require('jitsimeet');

const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, CONNECTION_DISCONNECTED } = JitsiMeetJS.events.connection;

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

/** The names of the events from now on, in order. */
function record(connection) {
  const seen = [];
  for (const event of Object.values(JitsiMeetJS.events.connection)) {
    connection.addEventListener(event, () => seen.push(event));
  }
  return seen;
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

  kill() {
    this.#child.kill('SIGKILL');
  }

  /** Ends a helper of this project. */
  async stop() {
    this.#child.stdin.end();
    await soon(this.#ended, 'the end of a helper');
  }

  async command(command) {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const answer = JSON.parse(await this.line());
    assert.equal(answer.error, undefined);
    return answer;
  }
}

/** Starts a program of test/programs, or any by its path from there. */
function start(t, file, env) {
  const program = new Program(process.execPath, [path.resolve(__dirname, 'programs', file)], env);
  t.after(() => program.kill());
  return program;
}

/** Runs such a program to its end. */
function run(t, file, env) {
  return start(t, file, env).end();
}

/** A running server: how to reach it and how to command it. */
class Server {
  #program;

  constructor(program, { serviceUrl, domain, caCertificate }) {
    this.#program = program;
    this.serviceUrl = serviceUrl;
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

  connection(more) {
    return new JitsiMeetJS.JitsiConnection(null, null, this.options(more));
  }

  /** Sets what goes wrong with the connections from now on. */
  async faults(faults) {
    await this.#program.command({ command: 'faults', ...faults });
  }

  /** Closes all streams. */
  async close() {
    await this.#program.command({ command: 'close' });
  }

  /** How many connections it has accepted so far. */
  async connections() {
    return (await this.#program.command({ command: 'sessions' })).connections;
  }

  /** Resolves when it has this many sessions. */
  async hasSessions(count) {
    const deadline = performance.now() + DEADLINE;
    for (;;) {
      const { sessions } = await this.#program.command({ command: 'sessions' });
      if (sessions.length === count) {
        return;
      }
      assert.ok(performance.now() < deadline, `${sessions.length} sessions instead of ${count}`);
    }
  }
}

/** Starts a helper of this project, which says as JSON how to reach it; else, its exit status. */
async function startHelper(t, name, variable, args) {
  const file = process.env[variable] ?? path.join(__dirname, '../../target/release', name);
  const program = new Program(file, args);
  t.after(() => program.stop());
  const line = await program.line();
  return line === undefined ? { program, ...(await program.end()) } : { program, reach: JSON.parse(line) };
}

/** Starts the embedded server for a test. */
async function startServer(t, ...args) {
  const { program, reach, stderr } = await startHelper(t, 'jitsimeet-testserver', 'JITSIMEET_TESTSERVER', args);
  assert.notEqual(reach, undefined, stderr);
  return new Server(program, reach);
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
    plain: new Server(program, { ...reach, caCertificate: null }),
    secure: new Server(program, { ...reach, serviceUrl: reach.secureServiceUrl }),
  };
}

module.exports = {
  CONNECTION_DISCONNECTED,
  CONNECTION_ESTABLISHED,
  CONNECTION_FAILED,
  happens,
  record,
  run,
  soon,
  start,
  startProsody,
  startServer,
};
