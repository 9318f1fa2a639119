'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');

const { version } = require('jitsimeet');
const manifest = require('jitsimeet/package.json');

const ROOT = path.join(__dirname, '..');

test('package, lock file and native library have one version', () => {
  const lock = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  assert.deepEqual([version, lock.version, lock.packages[''].version], Array(3).fill(manifest.version));
});

test('the lock file names no registry', () => {
  const lock = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  for (const [name, { resolved }] of Object.entries(lock.packages)) {
    assert.equal(resolved, undefined, name);
  }
});

test('types of the ES module are those of the CommonJS module', () => {
  const names = (text, pattern) => [...text.matchAll(pattern)].map(([, name]) => name).sort();
  const cjs = fs.readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8');
  const esm = fs.readFileSync(path.join(ROOT, 'index.d.mts'), 'utf8');
  const declared = names(cjs, /^ {2}(?:const|function|class|interface|type) (\w+)/gm);
  const internal = ['Unknown'];
  assert.deepEqual(
    names(esm, /^ {2}(?:type )?(\w+),$/gm),
    declared.filter((name) => !internal.includes(name)),
  );
});

/** A copy of the package without its addon. */
function copyPackage(t) {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'jitsimeet-'));
  t.after(() => fs.rmSync(copy, { recursive: true }));
  fs.cpSync(path.join(ROOT, 'lib'), path.join(copy, 'lib'), { recursive: true });
  fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(copy, 'package.json'));
  return copy;
}

const PLATFORM = `${process.platform}-${process.arch}`;

test('without a native addon the error names the platform, the package and the remedy', (t) => {
  const copy = copyPackage(t);
  assert.throws(() => require(path.join(copy, 'lib/index.js')), {
    message: new RegExp(`no native addon for ${PLATFORM}: .*jitsimeet-${PLATFORM}.*npm install.*checkout.*Rust`),
  });
});

test('an addon that cannot be loaded is named, with the cause', (t) => {
  const copy = copyPackage(t);
  for (const abi of ['', '-gnu', '-msvc']) {
    fs.writeFileSync(path.join(copy, `jitsimeet.${PLATFORM}${abi}.node`), 'no addon');
  }
  assert.throws(
    () => require(path.join(copy, 'lib/index.js')),
    (error) => {
      assert.match(error.message, /cannot load its native addon/);
      assert.ok(error.cause instanceof Error);
      return true;
    },
  );
});

test('an addon of another version is refused', (t) => {
  const copy = copyPackage(t);
  for (const abi of ['', '-gnu', '-msvc']) {
    const folder = path.join(copy, 'node_modules', `jitsimeet-${PLATFORM}${abi}`);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "main": "addon.js" }');
    fs.writeFileSync(path.join(folder, 'addon.js'), "exports.VERSION = '0.0.1';");
  }
  assert.throws(() => require(path.join(copy, 'lib/index.js')), {
    message: new RegExp(`jitsimeet ${manifest.version} needs .*jitsimeet-${PLATFORM}.* is 0\\.0\\.1`),
  });
});
