// Every promise of this package that can reject does, and nobody awaits it.

const { JitsiConnection, shutdown } = require('jitsimeet');
const { TestServer } = require('jitsimeet/testing');

const { SERVICE_URL, DOMAIN } = process.env;
const hosts = { domain: DOMAIN };
const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts });
const nowhere = new JitsiConnection(null, null, { serviceUrl: 'ws://127.0.0.1:1/', hosts });

nowhere.connectAsync();
nowhere.connectAsync({ id: 'someone' });
nowhere.connectAsync({ id: 5 });
nowhere.connectAsync(null, { signal: AbortSignal.abort() });
nowhere.refreshToken(5);
nowhere.sendStanza('<presence/>');
nowhere.sendStanza('<presence>');
nowhere.sendIq('<presence/>');
nowhere.connectAsync({ name: 'no room' });
nowhere.ping();
nowhere.ping(-1);
nowhere.sendConferenceRequest('room');
nowhere.sendConferenceRequest('no room');
nowhere.sendConferenceRequest(5);
connection.connectAsync();
connection.connectAsync();
connection.refreshToken('token');
connection.disconnect();
connection.refreshToken('token');
connection.ping();
connection.sendConferenceRequest('room');
shutdown({ timeout: -1 });
TestServer.start({ ports: 1 });

nowhere.connectAsync().catch(() => setImmediate(() => console.log('went on')));
