// Iterates over the events of a connection until it ends, and disposes of another.

import { JitsiConnection } from 'jitsimeet';

const { SERVICE_URL, DOMAIN } = process.env;
const options = { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN } };

const connection = new JitsiConnection(null, null, options);
const events = connection.events();
connection.connect();
for await (const { event } of events) {
  console.log(event);
  if (event === 'connection.connectionEstablished') {
    connection.disconnect();
  }
}
console.log('end');

// What `await using` does, which Node 20 does not know.
const disposed = new JitsiConnection(null, null, options);
await disposed.connectAsync();
await disposed[Symbol.asyncDispose]();
console.log('disposed', disposed.getState());
