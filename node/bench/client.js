// A measured client: `node client.js NAME URL`. It is told what to do by lines of text, `open COUNT`, `flood COUNT`,
// and answers each with what it took: microseconds of the processor's, microseconds of the clock, and the bytes that
// the process has then.

import { readFileSync } from 'node:fs';
import readline from 'node:readline';

const DOMAIN = 'meet.example';

/** The stanzas that were asked for have a sender who is not the server. */
class Count {
  #left = 0;
  #reached;

  /** Resolves after so many. */
  async reaches(count, ask) {
    this.#left = count;
    const reached = new Promise((resolve) => {
      this.#reached = resolve;
    });
    await ask();
    await reached;
  }

  take(from) {
    if (from !== undefined && from !== null && from !== DOMAIN) {
      this.#left -= 1;
      if (this.#left === 0) {
        this.#reached();
      }
    }
  }
}

const request = (count) => `flood:${count}`;

const CLIENTS = {
  async jitsimeet(serviceUrl) {
    const { events, JitsiConnection } = await import('../index.mjs');
    return {
      async open(count) {
        const connection = new JitsiConnection(null, null, { serviceUrl, hosts: { domain: DOMAIN } });
        connection.addEventListener(events.connection.STANZA_RECEIVED, (_xml, { from }) => count.take(from));
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
      async open(count) {
        const connection = client({ service, domain: DOMAIN });
        connection.on('error', (error) => {
          throw error;
        });
        connection.on('stanza', (stanza) => count.take(stanza.attrs.from));
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
      async open(count) {
        const connection = new Strophe.Connection(url, { protocol: 'ws' });
        await new Promise((resolve, reject) => {
          connection.connect(DOMAIN, null, (status, condition) => {
            if (status === Strophe.Status.CONNECTED) {
              connection.addHandler(
                (stanza) => {
                  count.take(stanza.getAttribute('from'));
                  return true;
                },
                null,
                null,
              );
              resolve();
            } else if (status === Strophe.Status.CONNFAIL || status === Strophe.Status.AUTHFAIL) {
              reject(new Error(condition));
            }
          });
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

const [, , name, url] = process.argv;
const client = await CLIENTS[name](url);
const count = new Count();
const connections = [];

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [verb, number] = line.split(' ');
  const cpu = process.cpuUsage();
  const begun = performance.now();
  if (verb === 'open') {
    connections.push(...(await Promise.all(Array.from({ length: Number(number) }, () => client.open(count)))));
  } else {
    await count.reaches(Number(number), () => client.flood(connections[0], Number(number)));
  }
  const wall = (performance.now() - begun) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  globalThis.gc?.();
  console.log(`${user + system} ${Math.round(wall)} ${memory()}`);
}
process.exit();
