// What lib-jitsi-meet's guide teaches, as an ES module.

import readline from 'node:readline';

import JitsiMeetJS from 'jitsimeet';

const initOptions = { disableAudioLevels: true };
const options = {
  hosts: { domain: process.env.DOMAIN, muc: `conference.${process.env.DOMAIN}` },
  serviceUrl: process.env.SERVICE_URL,
  clientNode: 'http://jitsi.org/jitsimeet',
  websocketKeepAlive: -1,
};
const REMOTE_CONTROL = 'http://jitsi.org/meet/remotecontrol';
const MAX_RETRIES = 3;

JitsiMeetJS.init(initOptions);

const connection = new JitsiMeetJS.JitsiConnection(null, process.env.TOKEN ?? null, options);

let retries = 0;

function connect() {
  connection.connect({ id: process.env.ID, password: process.env.PASSWORD, name: process.env.ROOM });
}

function onConnectionSuccess(id) {
  const { connecting, connected } = connection.getConnectionTimes();
  console.log('success', connection.getJid().endsWith(`/${id}`), connecting < connected);
  retries = 0;
}

function onConnectionFailed(error) {
  console.log('failed', error);
  if (error !== JitsiMeetJS.errors.connection.PASSWORD_REQUIRED && retries < MAX_RETRIES) {
    retries += 1;
    setTimeout(connect, 50 * 2 ** retries);
  }
}

function disconnect() {
  console.log('disconnect!');
  connection.removeEventListener(JitsiMeetJS.events.connection.CONNECTION_ESTABLISHED, onConnectionSuccess);
  connection.removeEventListener(JitsiMeetJS.events.connection.CONNECTION_FAILED, onConnectionFailed);
  connection.removeEventListener(JitsiMeetJS.events.connection.CONNECTION_DISCONNECTED, disconnect);
}

function onNewToken(token) {
  connection
    .refreshToken(token)
    .then(() => {
      console.log('refreshed');
    })
    .catch((error) => {
      console.log('refresh failed', error.message);
    });
}

function saveLogs() {
  const { metadata } = JSON.parse(JSON.stringify(connection.getLogs()));
  console.log('logs', metadata.url === options.serviceUrl, metadata.xmpp.length > 0);
}

function unload() {
  connection.removeFeature(REMOTE_CONTROL, true);
  saveLogs();
  connection
    .disconnect()
    .then(() => console.log('disconnected'))
    .catch((error) => console.log('disconnect failed', error));
}

connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_ESTABLISHED, onConnectionSuccess);
connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_FAILED, onConnectionFailed);
connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_DISCONNECTED, disconnect);

connection.addFeature(REMOTE_CONTROL);

// In place of a web page: new tokens are lines of standard input, and its end is that of the page.
const page = readline.createInterface({ input: process.stdin });
page.on('line', onNewToken);
page.on('close', unload);
// The connection alone keeps the program going.
process.stdin.unref();

connect();
