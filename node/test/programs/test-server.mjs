// Starts a server, connects to it, and forgets to close it.

import { JitsiConnection } from 'jitsimeet';
import { TestServer } from 'jitsimeet/testing';

const server = await TestServer.start();
const options = { serviceUrl: server.serviceUrl, hosts: { domain: server.domain } };
const connection = new JitsiConnection(null, null, options);
const jid = await connection.connectAsync();
console.log('connected', server.getSessions().includes(jid));
await connection.disconnect();
