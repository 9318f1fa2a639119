'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { version } = require('../package.json');

const ROOT = path.join(__dirname, '..');
const REMEDY =
  'To build it, run "npm install" in the folder node of a checkout of the repository; that needs Rust (https://rustup.rs).';

/** What @napi-rs/cli appends to the names of the platforms that have more than one ABI. */
const ABIS = new Map([
  ['linux', ['-gnu', '-musl', '-gnueabihf', '-musleabihf']],
  ['win32', ['-msvc', '-gnu']],
]);

/** @param {string} name of a package */
function isInstalled(name) {
  try {
    require.resolve(`${name}/package.json`, { paths: [ROOT] });
    return true;
  } catch {
    return false;
  }
}

/** Loads the native half of this package: what was built in a checkout, else the package for the platform. */
function load() {
  const platform = `${process.platform}-${process.arch}`;
  const targets = (ABIS.get(process.platform) ?? ['']).map((abi) => `${platform}${abi}`);
  const built = targets.find((target) => fs.existsSync(path.join(ROOT, `jitsimeet.${target}.node`)));
  const packages = targets.map((target) => `jitsimeet-${target}`);
  const installed = packages.find(isInstalled);
  if (built === undefined && installed === undefined) {
    throw new Error(
      `jitsimeet has no native addon for ${platform}: the package ${packages[0]} is not installed. Install it without ` +
        `leaving optional dependencies out, if there is one for this platform. ${REMEDY}`,
    );
  }
  const file = built === undefined ? /** @type {string} */ (installed) : `jitsimeet.${built}.node`;
  const addon = tryToLoad(file, built === undefined ? file : path.join(ROOT, file), platform);
  if (addon.VERSION !== version) {
    throw new Error(`jitsimeet ${version} needs the native addon of that version, but ${file} is ${addon.VERSION}.`);
  }
  return addon;
}

/**
 * @param {string} file
 * @param {string} request
 * @param {string} platform
 */
function tryToLoad(file, request, platform) {
  try {
    return require(request);
  } catch (cause) {
    throw new Error(`jitsimeet cannot load its native addon for ${platform}, ${file}. ${REMEDY}`, { cause });
  }
}

module.exports = load();
