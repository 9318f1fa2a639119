'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const { runHelper } = require('./support.js');

const SCENARIOS = path.join(__dirname, '../../tests/scenarios');
const PLAYER = path.join(__dirname, 'programs/player.cjs');

/** How many scenarios there are for a place. */
function scenarios(place) {
  const texts = fs
    .readdirSync(SCENARIOS)
    .filter((name) => name.endsWith('.toml') && name !== 'Cargo.toml')
    .map((name) => fs.readFileSync(path.join(SCENARIOS, name), 'utf8'));
  return texts.filter((text) => /^servers = \[(.*)\]$/m.exec(text)[1].includes(`"${place}"`)).length;
}

for (const place of ['embedded', 'prosody', 'ejabberd']) {
  test(`the scenarios for ${place} are played to their end`, { timeout: 300_000 }, async (t) => {
    const args = ['--place', place, '--', process.execPath, PLAYER];
    const { status, lines, stderr } = await runHelper(t, 'jitsimeet-scenarios', 'JITSIMEET_SCENARIOS', args);
    const told = lines.at(-1);
    t.diagnostic(told);
    assert.equal(status, 0, [...lines, stderr].join('\n'));
    const count = scenarios(place);
    if (told === `${place}: 0 of ${count} scenarios played` && process.env.CI !== 'true') {
      t.skip(`${place} is not installed`);
      return;
    }
    assert.equal(told, `${place}: ${count} of ${count} scenarios played`);
  });
}
