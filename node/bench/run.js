// Measures the package beside its peers, in turns, against the server of tests/bench. See README.md there.

import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const HERE = import.meta.dirname;
const SERVER = path.join(HERE, '../../target/release/jitsimeet-bench');

const CLIENTS = ['jitsimeet', '@xmpp/client', 'strophe.js'];
const ROUNDS = 5;
const STANZAS = 30_000;
const CONNECTIONS = 1000;

class Process {
  #child;
  #lines;

  constructor(program, ...args) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = readline.createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async line() {
    const { done, value } = await this.#lines.next();
    if (done) {
      throw new Error('a process of the measurement has ended');
    }
    return value;
  }

  /** What an order took. */
  async order(order) {
    this.#child.stdin.write(`${order}\n`);
    const [cpu, wall, memory] = (await this.line()).split(' ').map(Number);
    return { cpu, wall, memory };
  }

  end() {
    this.#child.kill();
  }
}

async function startServer() {
  const server = new Process(SERVER, 'server');
  const [port] = (await server.line()).split(' ');
  return { server, url: `ws://127.0.0.1:${port}/xmpp-websocket` };
}

function startClient(name, url) {
  return new Process(process.execPath, '--expose-gc', path.join(HERE, 'client.js'), name, url);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Runs the rounds of all clients in turns, so that what else the machine does falls on all alike. */
async function inTurns(round) {
  const costs = new Map(CLIENTS.map((name) => [name, []]));
  for (let count = 0; count < ROUNDS; count += 1) {
    for (const name of CLIENTS) {
      costs.get(name).push(await round(name));
    }
  }
  return costs;
}

function table(title, columns, rows) {
  console.log(`${title}:\n\n| ${columns.join(' | ')} |\n|---|${'---:|'.repeat(columns.length - 1)}`);
  for (const row of rows) {
    console.log(`| ${row.join(' | ')} |`);
  }
  console.log();
}

/** Ratios are made round by round: neighbours in time are the most alike. */
function ratio(costs, name, peer, measure) {
  return median(costs.get(name).map((cost, round) => measure(costs.get(peer)[round]) / measure(cost))).toFixed(2);
}

async function floods() {
  const { server, url } = await startServer();
  const clients = new Map(CLIENTS.map((name) => [name, startClient(name, url)]));
  for (const client of clients.values()) {
    await client.order('open 1');
    await client.order(`flood ${STANZAS}`);
  }
  const costs = await inTurns((name) => clients.get(name).order(`flood ${STANZAS}`));
  const rate = (name, measure) => Math.round((STANZAS * 1e6) / median(costs.get(name).map(measure)));
  table(
    'Stanzas of 818 bytes to a listener that reads the sender',
    ['client', 'a second of the clock', 'a second of CPU', "of @xmpp/client's, clock", "of @xmpp/client's, CPU"],
    CLIENTS.map((name) => [
      name,
      rate(name, ({ wall }) => wall),
      rate(name, ({ cpu }) => cpu),
      ratio(costs, name, '@xmpp/client', ({ wall }) => wall),
      ratio(costs, name, '@xmpp/client', ({ cpu }) => cpu),
    ]),
  );
  for (const client of clients.values()) {
    client.end();
  }
  server.end();
}

async function connects() {
  const costs = await inTurns(async (name) => {
    const { server, url } = await startServer();
    const client = startClient(name, url);
    await client.order('open 1');
    const cost = await client.order(`open ${CONNECTIONS}`);
    // What a thousand logins at once have taken for the time being is used again by those that follow.
    const { memory } = await client.order(`open ${2 * CONNECTIONS}`);
    client.end();
    server.end();
    return { ...cost, each: (memory - cost.memory) / (2 * CONNECTIONS) };
  });
  const of = (name, measure) => median(costs.get(name).map(measure));
  table(
    `${CONNECTIONS} logins at once, without TLS`,
    ['client', 's of the clock', 's of CPU', "strophe.js's clock by this", 'KB a further session'],
    CLIENTS.map((name) => [
      name,
      (of(name, ({ wall }) => wall) / 1e6).toFixed(3),
      (of(name, ({ cpu }) => cpu) / 1e6).toFixed(3),
      ratio(costs, name, 'strophe.js', ({ wall }) => wall),
      (of(name, ({ each }) => each) / 1000).toFixed(1),
    ]),
  );
}

const [load] = os.loadavg();
console.log(
  `\`make bench-node\` on ${os.availableParallelism()} cores of ${os.cpus()[0].model}, Linux ${os.release()}, ` +
    `Node ${process.version}, load at the start ${load.toFixed(2)}.\n`,
);
await floods();
await connects();
