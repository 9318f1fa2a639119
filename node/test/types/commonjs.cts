// The types as a CommonJS program sees them. Compiled, never run.

import JitsiMeetJS = require('jitsimeet');

const options: JitsiMeetJS.ConnectionOptions = {
  serviceUrl: 'wss://meet.example/xmpp-websocket',
  hosts: { domain: 'meet.example', muc: 'conference.meet.example' },
  clientNode: 'http://jitsi.org/jitsimeet',
};

JitsiMeetJS.init({ disableAudioLevels: true });
const connection = new JitsiMeetJS.JitsiConnection(null, null, options);
connection.addEventListener(JitsiMeetJS.events.connection.CONNECTION_ESTABLISHED, (id: string) => id);
connection.connect({ id: 'someone', password: 'secret' });
connection
  .refreshToken('token')
  .then(() => connection.sendStanza('<presence/>'))
  .catch((error: JitsiMeetJS.JitsiError) => error.serverText);
connection.addFeature('http://jitsi.org/meet/remotecontrol', true);
connection.getLogs().metadata.xmpp.map(([time, direction, frame]) => `${new Date(time)} ${direction} ${frame}`);
connection
  .sendConferenceRequest('room')
  .then(({ focusJid }) => focusJid)
  .catch((error: JitsiMeetJS.JitsiError) => error.vnode);
connection
  .disconnect()
  .then(() => JitsiMeetJS.shutdown())
  .catch((error: JitsiMeetJS.JitsiError) => error.code);
