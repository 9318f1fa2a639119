// Every promise of this package that can reject does, and nobody awaits it.

const { JitsiConnection, shutdown } = require('jitsimeet');

const { SERVICE_URL, DOMAIN } = process.env;
const hosts = { domain: DOMAIN };
const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts });
const nowhere = new JitsiConnection(null, null, { serviceUrl: 'ws://127.0.0.1:1/', hosts });

nowhere.connectAsync();
nowhere.connectAsync({ id: 'someone', password: 'secret' });
nowhere.connectAsync(null, { signal: AbortSignal.abort() });
connection.connectAsync();
connection.connectAsync();
connection.disconnect();
shutdown({ timeout: -1 });

nowhere.connectAsync().catch(() => setImmediate(() => console.log('went on')));
