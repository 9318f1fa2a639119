import JitsiMeetJS from './index.js';

export {
  type ConnectionErrorCode,
  type ConnectionErrorType,
  type ConnectionEvents,
  type ConnectionOptions,
  type ConnectionTimes,
  type ConnectOptions,
  type Credentials,
  errors,
  events,
  type FailureDetails,
  type HostsOptions,
  type InitOptions,
  type InvalidArgumentError,
  type InvalidOptionError,
  init,
  JitsiConnection,
  JitsiError,
  type Status,
  shutdown,
  type TlsOptions,
  type TransportOptions,
  version,
} from './index.js';
export default JitsiMeetJS;
