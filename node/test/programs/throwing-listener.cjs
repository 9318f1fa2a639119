// A listener throws.

const { events, JitsiConnection } = require('jitsimeet');

const { SERVICE_URL, DOMAIN } = process.env;
const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN } });

process.on('uncaughtException', (error) => {
  console.log(`uncaught: ${error.message}`);
  connection.disconnect().then(() => console.log('disconnected'));
});
connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => {
  throw new Error('thrown by a listener');
});
connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => console.log('second listener'));
connection.connect();
