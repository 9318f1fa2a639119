export {
  type ConferenceAnswer,
  type ConferenceRequest,
  type Deployment,
  type Faults,
  type HttpAnswer,
  type HttpRequest,
  type Orders,
  type Reservation,
  type Service,
  TestServer,
  type TestServerOptions,
} from './testing.js';
