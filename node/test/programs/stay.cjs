// Connects and then has nothing else to do; drops all that refers to the connection.

const v8 = require('node:v8');
const vm = require('node:vm');

const { events, JitsiConnection } = require('jitsimeet');

const { SERVICE_URL, DOMAIN, OPTIONS } = process.env;

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

function connect() {
  const options = { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN }, ...JSON.parse(OPTIONS ?? '{}') };
  const connection = new JitsiConnection(null, null, options);
  connection.addEventListener(events.connection.CONNECTION_ESTABLISHED, () => {
    collectGarbage();
    console.log('established');
  });
  connection.addEventListener(events.connection.CONNECTION_FAILED, (_type, _message, _credentials, { code }) => {
    console.log(`failed ${code}`);
  });
  connection.connect();
}

connect();
setImmediate(collectGarbage);
