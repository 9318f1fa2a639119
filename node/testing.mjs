import testing from './lib/testing.js';

export const { TestServer } = testing;
