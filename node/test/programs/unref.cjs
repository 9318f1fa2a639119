// Connects, and lets the process end with the connection open.

const { events, JitsiConnection } = require('jitsimeet');

const { SERVICE_URL, DOMAIN, REF } = process.env;
const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN } });

connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => {
  console.log('established');
  connection.unref();
  connection.ping();
  if (REF !== undefined) {
    connection.ref();
    connection.disconnect();
  }
});
connection.addEventListener(events.connection.CONNECTION_DISCONNECTED, () => console.log('disconnected'));
connection.connect();
