// Connects and disconnects, with the log as the environment says.

const { init, JitsiConnection, setLogLevel } = require('jitsimeet');

const { SERVICE_URL, DOMAIN, LEVEL, INIT, INSECURE, HANDLER, EXIT } = process.env;

process.on('uncaughtException', (error) => console.log(`uncaught: ${error.message}`));
if (INIT !== undefined) {
  init({ logLevel: INIT });
}
if (HANDLER !== undefined) {
  setLogLevel(LEVEL, () => {
    throw new Error('thrown by a handler');
  });
} else if (LEVEL !== undefined) {
  setLogLevel(LEVEL);
}
const tls = INSECURE === undefined ? null : { insecureSkipVerify: true };
const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN }, tls });
if (EXIT !== undefined) {
  connection.connect();
  process.exit();
}
connection
  .connectAsync()
  .then(() => connection.disconnect())
  .then(() => console.log('done'));
