import JitsiMeetJS from './lib/index.js';

export const { JitsiConnection, JitsiError, errors, events, init, setNetworkInfo, shutdown, version } = JitsiMeetJS;
export default JitsiMeetJS;
