'use strict';

const addon = require('./addon.js');
const { assertArgument, assertOptions, assertString } = require('./arguments.js');
const { unheard } = require('./errors.js');

/** @param {string} name */
function snakeCase(name) {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * The names of an object's fields as the server has them.
 *
 * @param {object} fields
 */
function toSnakeCase(fields) {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), value]));
}

/**
 * The names of an object's fields as JavaScript has them.
 *
 * @param {object} fields
 */
function toCamelCase(fields) {
  const renamed = Object.entries(fields).map(([name, value]) => [
    name.replaceAll(/_[a-z]/g, (part) => part.slice(1).toUpperCase()),
    value,
  ]);
  return Object.fromEntries(renamed);
}

/** @param {any} deployment */
function toDeployment({ services, ...rest }) {
  return { ...toSnakeCase(rest), ...(services !== undefined && { services: services.map(toSnakeCase) }) };
}

/** @param {object} options */
async function start(options) {
  assertOptions('TestServer.start', options);
  const { deployment, conference, rooms, ...rest } = /** @type {any} */ (options ?? {});
  const given = {
    ...toSnakeCase(rest),
    ...(deployment !== undefined && { deployment: toDeployment(deployment) }),
    ...(conference !== undefined && { conference: conference.map(toSnakeCase) }),
    ...(rooms !== undefined && { rooms: toSnakeCase(rooms) }),
  };
  return new TestServer(await addon.startTestServer(JSON.stringify(given)));
}

/** The embedded server, in this process. Documented in testing.d.ts. */
class TestServer {
  #server;

  /** @param {object} [options] */
  static start(options = {}) {
    return unheard(start(options));
  }

  /** @param {import('./addon.js').TestServer} server */
  constructor(server) {
    this.#server = server;
    const about = JSON.parse(server.about);
    this.serviceUrl = about.serviceUrl;
    this.healthUrl = about.healthUrl;
    this.conferenceRequestUrl = about.conferenceRequestUrl;
    this.domain = about.domain;
    this.caCertificate = about.caCertificate;
  }

  /** @param {object} faults */
  setFaults(faults) {
    this.#command('faults', toSnakeCase(faults));
  }

  /** @param {object} deployment */
  setDeployment(deployment) {
    this.#command('deployment', toDeployment(deployment));
  }

  /** @param {object[]} answers */
  setConference(answers) {
    assertArgument(Array.isArray(answers), 'answers must be an array');
    this.#command('conference', { answers: answers.map(toSnakeCase) });
  }

  /**
   * @param {string} name
   * @param {object} [fields]
   */
  order(name, fields = {}) {
    assertString('name', name);
    this.#command(snakeCase(name), fields);
  }

  /** @param {object} settings */
  setRooms(settings) {
    this.#command('rooms', toSnakeCase(settings));
  }

  /** @param {object[]} answers */
  setJoins(answers) {
    assertArgument(Array.isArray(answers), 'answers must be an array');
    this.#command('joins', { answers });
  }

  /**
   * @param {string} room
   * @param {string} name
   * @param {object} [fields]
   */
  orderRoom(room, name, fields = {}) {
    assertString('room', room);
    assertString('name', name);
    return this.#command('room', { ...toSnakeCase(fields), room, order: snakeCase(name) }).ok;
  }

  /** @param {string} room */
  getRoom(room) {
    assertString('room', room);
    const { state } = this.#command('room_state', { room });
    return state === null ? null : toCamelCase(state);
  }

  getJingleAnswers() {
    return this.#command('jingle_answers').answers.map(toCamelCase);
  }

  /**
   * @param {string} jid
   * @param {string} stanza
   */
  deliver(jid, stanza) {
    assertString('jid', jid);
    assertString('stanza', stanza);
    return this.#command('deliver', { jid, stanza }).ok;
  }

  getSessions() {
    return this.#command('sessions').sessions;
  }

  getConnectionCount() {
    return this.#command('sessions').connections;
  }

  getRequests() {
    return this.#command('requests').requests;
  }

  getConferenceRequests() {
    return this.#command('conference_requests').requests.map(toCamelCase);
  }

  close() {
    this.#server.close();
  }

  async [Symbol.asyncDispose]() {
    this.close();
  }

  /**
   * @param {string} command
   * @param {object} [fields]
   */
  #command(command, fields) {
    const answer = this.#server.command(JSON.stringify({ ...fields, command }));
    if (answer == null) {
      throw new Error('the test server is closed');
    }
    const result = JSON.parse(answer);
    assertArgument(result.error === undefined, `the test server does not understand ${command}: ${result.error}`);
    return result;
  }
}

module.exports = { TestServer };
