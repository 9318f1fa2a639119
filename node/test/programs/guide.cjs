// What lib-jitsi-meet's guide teaches, as CommonJS.

const JitsiMeetJS = require('jitsimeet');

const initOptions = { disableAudioLevels: true };
const options = {
  hosts: { domain: process.env.DOMAIN, muc: `conference.${process.env.DOMAIN}` },
  serviceUrl: process.env.SERVICE_URL,
  clientNode: 'http://jitsi.org/jitsimeet',
};

JitsiMeetJS.init(initOptions);

const connection = new JitsiMeetJS.JitsiConnection(null, null, options);

function onConnectionSuccess(id) {
  console.log('success', connection.getJid().endsWith(`/${id}`));
  connection
    .disconnect()
    .then(() => console.log('disconnected'))
    .catch((error) => console.log('disconnect failed', error));
}

function onConnectionFailed(error) {
  console.log('failed', error);
}

function disconnect() {
  console.log('disconnect!');
  connection.removeEventListener(JitsiMeetJS.events.connection.CONNECTION_ESTABLISHED, onConnectionSuccess);
  connection.removeEventListener(JitsiMeetJS.events.connection.CONNECTION_FAILED, onConnectionFailed);
  connection.removeEventListener(JitsiMeetJS.events.connection.CONNECTION_DISCONNECTED, disconnect);
}

connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_ESTABLISHED, onConnectionSuccess);
connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_FAILED, onConnectionFailed);
connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_DISCONNECTED, disconnect);

connection.connect();
