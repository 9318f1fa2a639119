'use strict';

// What is published, installed as a user would: in an empty folder, without scripts, and with nothing in PATH that
// compiles.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');

const { name, version } = require('jitsimeet/package.json');
const { runAt, startAt, startProsody, startServer } = require('./support.js');

const ROOT = path.join(__dirname, '..');
const GUIDES = ['guide.cjs', 'guide.mjs'];
const TARGET = 'linux-x64-gnu';
const MAIN = `${name}-${version}.tgz`;
const ADDON = `${name}-${TARGET}-${version}.tgz`;

/** npm without a network, without the user's own configuration, and without a compiler. */
function npm(folder, ...args) {
  const bin = path.join(folder, '.bin');
  fs.mkdirSync(bin);
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  const program = fs.realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
  const env = { PATH: bin, HOME: folder };
  return execFileSync(process.execPath, [program, ...args, '--offline', '--no-audit', '--no-fund'], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function emptyFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'jitsimeet-installed-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

/** Installs tarballs, and puts the guide beside them. */
function install(t, ...tarballs) {
  const folder = emptyFolder(t);
  fs.writeFileSync(path.join(folder, 'package.json'), '{}');
  npm(folder, 'install', '--ignore-scripts', ...tarballs.map((file) => path.join(ROOT, 'dist', file)));
  for (const guide of GUIDES) {
    fs.copyFileSync(path.join(__dirname, 'programs', guide), path.join(folder, guide));
  }
  return folder;
}

/** Where the guide can reach a deployment, and how it logs in there. */
async function deployments(t) {
  const server = await startServer(t);
  const prosody = await startProsody(t);
  const account = { ID: 'user@accounts.localhost', PASSWORD: 'pencil' };
  return [server.environment, ...(prosody === undefined ? [] : [{ ...prosody.plain.environment, ...account }])];
}

const SUPPORTED = process.platform === 'linux' && process.arch === 'x64';

// With CI=true nothing is passed over: where the packages cannot be made, that is a failure.
test('the packages', { skip: !SUPPORTED && process.env.CI !== 'true' }, async (t) => {
  execFileSync(process.execPath, [path.join(ROOT, 'scripts/dist.js')]);

  await t.test('are two files, whose manifests carry no scripts', () => {
    assert.deepEqual(fs.readdirSync(path.join(ROOT, 'dist')).sort(), [ADDON, MAIN].sort());
    const unpacked = emptyFolder(t);
    const manifest = (file) => {
      execFileSync('tar', ['-xzf', path.join(ROOT, 'dist', file), '-C', unpacked]);
      return JSON.parse(fs.readFileSync(path.join(unpacked, 'package/package.json'), 'utf8'));
    };
    const main = manifest(MAIN);
    assert.deepEqual([main.private, main.scripts, main.devDependencies], Array(3).fill(undefined));
    assert.deepEqual(main.optionalDependencies, { [`${name}-${TARGET}`]: version });
    const addon = manifest(ADDON);
    assert.deepEqual([addon.scripts, addon.os, addon.cpu, addon.libc], [undefined, ['linux'], ['x64'], ['glibc']]);
    const sources = fs.readdirSync(path.join(unpacked, 'package'), { recursive: true });
    assert.deepEqual(
      sources.filter((file) => /\.(rs|toml)$/.test(file)),
      [],
    );
  });

  await t.test('run the guide where both are installed', async (t) => {
    const folder = install(t, MAIN, ADDON);
    for (const environment of await deployments(t)) {
      for (const guide of GUIDES) {
        const program = startAt(t, path.join(folder, guide), environment);
        assert.equal(await program.line(), 'success true true', guide);
        program.hush();
        const farewell = { status: 0, lines: ['logs true true', 'disconnect!', 'disconnected'], stderr: '' };
        assert.deepEqual(await program.end(), farewell);
      }
    }
  });

  await t.test('have types for a program in TypeScript', (t) => {
    const folder = install(t, MAIN, ADDON);
    fs.copyFileSync(path.join(__dirname, 'types/commonjs.cts'), path.join(folder, 'commonjs.cts'));
    const program = "import { TestServer } from 'jitsimeet/testing';\nexport const server = TestServer.start();\n";
    fs.writeFileSync(path.join(folder, 'module.mts'), program);
    const modules = path.join(ROOT, 'node_modules');
    const types = ['--types', 'node', '--typeRoots', path.join(modules, '@types')];
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types];
    const compiler = path.join(modules, 'typescript/bin/tsc');
    execFileSync(process.execPath, [compiler, ...options, 'commonjs.cts', 'module.mts'], { cwd: folder });
  });

  await t.test('say what is missing where the addon is not installed', async (t) => {
    const folder = install(t, MAIN);
    for (const guide of GUIDES) {
      const { status, stderr } = await runAt(t, path.join(folder, guide));
      assert.equal(status, 1);
      assert.match(stderr, /no native addon for linux-x64: .*jitsimeet-linux-x64-gnu.*npm install.*checkout.*Rust/);
    }
  });
});
