// Awaits promises of this package with nothing else to keep the process alive, and leaves an idle connection behind.

import { JitsiConnection } from 'jitsimeet';

const { SERVICE_URL, DOMAIN } = process.env;
const connection = new JitsiConnection(null, null, { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN } });

await connection.disconnect();
console.log('disconnect of an idle connection');

await connection.refreshToken('token');
console.log('refreshToken of an idle connection');

await connection.sendStanza('<presence/>').catch(({ code }) => console.log('sendStanza:', code));
await connection.sendIq("<iq type='get'><x xmlns='x'/></iq>").catch(({ code }) => console.log('sendIq:', code));
await connection.ping().catch(({ code }) => console.log('ping:', code));
await connection.sendConferenceRequest('room').catch(({ code }) => console.log('sendConferenceRequest:', code));

await connection.connectAsync();
await connection.disconnect();
console.log('connected and disconnected');
