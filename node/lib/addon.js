'use strict';

const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');

/** What @napi-rs/cli appends to the names of the platforms that have more than one ABI. */
const ABIS = new Map([
  ['linux', ['-gnu', '-musl', '-gnueabihf', '-musleabihf']],
  ['win32', ['-msvc', '-gnu']],
]);

/** Loads the native half of this package. */
function load() {
  const platform = `${process.platform}-${process.arch}`;
  const files = (ABIS.get(process.platform) ?? ['']).map((abi) => `jitsimeet.${platform}${abi}.node`);
  const file = files.find((name) => fs.existsSync(path.join(ROOT, name)));
  const remedy =
    'Build it with "npm install" in the folder node of a checkout of the repository; that needs Rust (https://rustup.rs).';
  if (file === undefined) {
    throw new Error(`jitsimeet has no native addon for ${platform} in ${ROOT}. ${remedy}`);
  }
  try {
    return require(path.join(ROOT, file));
  } catch (cause) {
    throw new Error(`jitsimeet cannot load its native addon for ${platform}, ${file}. ${remedy}`, { cause });
  }
}

module.exports = load();
