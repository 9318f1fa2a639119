// A measured client: `node client.js NAME URL OPTIONS`. Does what it is told on its standard input, as
// tests/bench/src/orders.rs says.

import { readFileSync } from 'node:fs';
import readline from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const DOMAIN = 'meet.example';

/** Counts what comes, and tells when so much has come. */
class Count {
  #seen = 0;
  #wanted = 0;
  #reached = () => {};

  /** Resolves when so many more have come than at the last time. */
  reaches(count) {
    this.#wanted += count;
    return new Promise((resolve) => {
      this.#reached = resolve;
      this.#look();
    });
  }

  add() {
    this.#seen += 1;
    this.#look();
  }

  #look() {
    if (this.#seen >= this.#wanted) {
      this.#reached();
    }
  }
}

const stanzas = new Count();
const resumed = new Count();

/** The stanzas that were asked for have a sender who is not the server. */
function take(from) {
  if (from !== undefined && from !== null && from !== DOMAIN) {
    stanzas.add();
  }
}

const request = (count) => `flood:${count}`;

const CLIENTS = {
  async 'jitsimeet-node'(serviceUrl, options) {
    const { events, init, JitsiConnection } = await import('../index.mjs');
    const { workerThreads } = options;
    init(workerThreads === undefined ? {} : { workerThreads });
    return {
      async open() {
        const connection = new JitsiConnection(null, null, { serviceUrl, hosts: { domain: DOMAIN }, ...options });
        connection.addEventListener(events.connection.STANZA_RECEIVED, (_xml, { from }) => take(from));
        connection.addEventListener(events.connection.RESUMED, () => resumed.add());
        await connection.connectAsync();
        return connection;
      },
      flood: (connection, count) =>
        connection.sendStanza(`<message to='${DOMAIN}'><body>${request(count)}</body></message>`),
    };
  },

  async '@xmpp/client'(service) {
    // Node 20 has none of its own.
    globalThis.WebSocket ??= (await import('ws')).WebSocket;
    const { client, xml } = await import('@xmpp/client');
    return {
      async open() {
        // Of a thousand at once, some take longer than the two seconds that it gives each step.
        const connection = client({ service, domain: DOMAIN, timeout: 60_000 });
        // A lost connection is one too: what it means is seen by what does not come.
        connection.on('error', (error) => console.error(String(error)));
        connection.on('stanza', (stanza) => take(stanza.attrs.from));
        connection.streamManagement.on('resumed', () => resumed.add());
        await connection.start();
        return connection;
      },
      flood: (connection, count) => connection.send(xml('message', { to: DOMAIN }, xml('body', {}, request(count)))),
    };
  },

  async 'strophe.js'(url) {
    const { $msg, Strophe } = await import('strophe.js');
    // It would write to the console, which costs time, and is where the answers go.
    Strophe.setLogLevel(Strophe.LogLevel.FATAL);
    return {
      async open() {
        const connection = new Strophe.Connection(url, { protocol: 'ws', enableStreamManagement: true });
        await new Promise((resolve, reject) => {
          function onStatus(status, condition) {
            switch (status) {
              case Strophe.Status.CONNECTED:
                if (connection.hasResumed()) {
                  resumed.add();
                  break;
                }
                connection.addHandler(
                  (stanza) => {
                    take(stanza.getAttribute('from'));
                    return true;
                  },
                  null,
                  null,
                );
                resolve();
                break;
              case Strophe.Status.DISCONNECTED:
                // It leaves it to the program to connect again, which does so at once.
                connection.connect(DOMAIN, null, onStatus);
                break;
              case Strophe.Status.CONNFAIL:
              case Strophe.Status.AUTHFAIL:
                reject(new Error(condition));
            }
          }
          connection.connect(DOMAIN, null, onStatus);
        });
        return connection;
      },
      flood: (connection, count) => connection.send($msg({ to: DOMAIN }).c('body').t(request(count)).tree()),
    };
  },
};

/** The memory of this process alone, without code and without the kernel's side of its sockets. */
function memory() {
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(kilobytes) * 1024;
}

const [, , name, url, options] = process.argv;
const client = await CLIENTS[name](url, JSON.parse(options));
const connections = [];

const ORDERS = {
  async open(count, atOnce) {
    let left = count;
    async function openInTurn() {
      while (left > 0) {
        left -= 1;
        connections.push(await client.open());
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, openInTurn));
  },
  async flood(count) {
    const all = stanzas.reaches(count);
    await client.flood(connections[0], count);
    await all;
  },
  resume: () => resumed.reaches(connections.length),
  idle: (milliseconds) => setTimeout(milliseconds),
  // With the process.
  close: async () => {},
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [verb, ...numbers] = line.split(' ');
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  await ORDERS[verb](...numbers.map(Number));
  const wall = process.hrtime.bigint() - begun;
  const { user, system } = process.cpuUsage(cpu);
  globalThis.gc?.();
  console.log(`${(user + system) * 1000} ${wall} ${memory()}`);
}
process.exit();
