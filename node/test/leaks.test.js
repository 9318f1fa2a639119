'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { runWhole, startServer } = require('./support.js');

/** `npm run test:leaks` does ten thousand. */
const CYCLES = Number(process.env.CYCLES ?? 1000);
/** What the garbage collector, the allocator and the runtime may keep for reasons of their own. */
const HEAP_SLACK = 512 * 1024;
const RSS_SLACK = 8 * 1024 * 1024;

test(`${CYCLES} connections, one after the other, leave nothing behind`, { timeout: 600_000 }, async (t) => {
  const server = await startServer(t);
  const { status, lines, stderr } = await runWhole(t, 'cycles.cjs', { ...server.environment, CYCLES });
  // That it has ended shows that no handle is left.
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  t.diagnostic(lines[0]);
  const { heap, rss } = JSON.parse(lines[0]);
  assert.ok(heap < HEAP_SLACK, `the heap has grown by ${heap} bytes`);
  assert.ok(rss < RSS_SLACK, `the process has grown by ${rss} bytes`);
  await server.hasSessions(0);
});
