import JitsiMeetJS from './lib/index.js';

export const { JitsiConnection, JitsiError, errors, events, init, shutdown, version } = JitsiMeetJS;
export default JitsiMeetJS;
