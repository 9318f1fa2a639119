// Ends the process with a connection open and another on its way.

const { events, JitsiConnection } = require('jitsimeet');

const { SERVICE_URL, DOMAIN } = process.env;
const options = { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN } };
const connection = new JitsiConnection(null, null, options);

connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => {
  console.log('established');
  new JitsiConnection(null, null, options).connect();
  process.exit(7);
});
connection.connect();
