// Iterates over the events of a connection, and prints them and the stanzas, until the end of standard input.
//
//     SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org node iterate.mjs

import { stdin } from 'node:process';
import { events, JitsiConnection } from 'jitsimeet';
import { optionsFromEnvironment } from './environment.mjs';

const { CONNECTION_ESTABLISHED, CONNECTION_FAILED, STANZA_RECEIVED } = events.connection;

const connection = new JitsiConnection(null, null, optionsFromEnvironment());
stdin.resume().once('end', () => connection.disconnect());

const happened = connection.events();
connection.connect();
for await (const { event, args } of happened) {
  switch (event) {
    case CONNECTION_ESTABLISHED:
      console.log('connected', connection.getJid());
      break;
    case STANZA_RECEIVED: {
      const [xml, { name, from }] = args;
      console.log(name, 'from', from ?? 'the server', xml);
      break;
    }
    case CONNECTION_FAILED: {
      const [errorType, message] = args;
      console.error(errorType, message);
      process.exitCode = 1;
      break;
    }
    default:
      console.log(event);
  }
}
// The connection has ended; nothing else may keep the program going.
stdin.pause();
