// Where the examples connect to: SERVICE_URL and DOMAIN in the environment; CA_CERTIFICATES may name a PEM file with the
// only authorities to trust.

import { readFileSync } from 'node:fs';
import { env } from 'node:process';

/** @returns {import('jitsimeet').ConnectionOptions} */
export function optionsFromEnvironment() {
  const { SERVICE_URL, DOMAIN, CA_CERTIFICATES } = env;
  if (!SERVICE_URL || !DOMAIN) {
    throw new Error('SERVICE_URL and DOMAIN must be set in the environment');
  }
  const tls = CA_CERTIFICATES ? { caCertificates: readFileSync(CA_CERTIFICATES, 'utf8') } : null;
  return { serviceUrl: SERVICE_URL, hosts: { domain: DOMAIN }, tls };
}
