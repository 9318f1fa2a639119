import JitsiMeetJS from './lib/index.js';

export const {
  JitsiConnection,
  JitsiError,
  errors,
  events,
  init,
  logLevels,
  setLogLevel,
  setNetworkInfo,
  shutdown,
  version,
} = JitsiMeetJS;
export default JitsiMeetJS;
