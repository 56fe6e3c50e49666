import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { isTooOld, packagedNode } from './node.mjs';

/**
 * @typedef {{ version?: string, integrity?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[],
 *   libc?: string[], link?: boolean }} Entry
 * @typedef {Record<string, string>} Versions
 * @typedef {{ dependencies?: Versions, devDependencies?: Versions, optionalDependencies?: Versions }} Manifest
 */

/**
 * Whether what `target` needs is in node_modules and is what the lock file says, and there is a Node to run it.
 * @param {string} root the project's folder
 * @param {string} target the script to run
 */
export function isComplete(root, target) {
  return hasPackages(root, target) && (!isTooOld() || existsSync(packagedNode(root)));
}

/**
 * Whether the packages that `target` needs are those of the lock file. Looks at a mark that the launcher
 * left first; where that does not fit (the packages were installed by hand, or a script's line changed), compares what
 * npm says it installed with the lock file, package by package.
 * @param {string} root the project's folder
 * @param {string} target the script to run
 */
export function hasPackages(root, target) {
  if (!existsSync(installedList(root)) || lacks(root, target)) return false;
  if (read(markFile(root)) === fingerprint(root)) return true;
  const locked = parse(join(root, 'package-lock.json'));
  if (locked === undefined || !lockFits(root) || !isInstalled(locked.packages, parse(installedList(root))?.packages)) {
    return false;
  }
  markComplete(root);
  return true;
}

/**
 * Whether the lock file is there and was made for the package.json of now; else `npm ci` would refuse it.
 * @param {string} root the project's folder
 */
export function lockFits(root) {
  const locked = parse(join(root, 'package-lock.json'))?.packages?.[''];
  if (locked === undefined) return false;
  const manifest = manifestOf(root);
  const kinds = /** @type {const} */ (['dependencies', 'devDependencies', 'optionalDependencies']);
  return kinds.every((kind) => sorted(manifest[kind]) === sorted(locked[kind]));
}

/**
 * Remembers that all is installed.
 * @param {string} root the project's folder
 */
export function markComplete(root) {
  try {
    writeFileSync(markFile(root), fingerprint(root));
  } catch {
    // A folder that is not writable is compared each time.
  }
}

/** @param {string} root */
function markFile(root) {
  return join(root, 'node_modules', '.afterwrite-installed');
}

/** @param {string} root */
function installedList(root) {
  return join(root, 'node_modules', '.package-lock.json');
}

/** @param {string} root */
function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`);
  for (const name of ['package.json', 'package-lock.json']) hash.update(`${read(join(root, name)) ?? ''}\n`);
  return hash.digest('hex');
}

/**
 * A quick check: true if a package was deleted, or a development tool is missing.
 * @param {string} root
 * @param {string} target
 */
function lacks(root, target) {
  const modules = join(root, 'node_modules');
  if (target.startsWith(modules + sep) && !existsSync(target)) return true;
  if (isTooOld() && !existsSync(join(modules, 'node'))) return true;
  return Object.keys(manifestOf(root).dependencies ?? {}).some((name) => !existsSync(join(modules, name)));
}

/**
 * @param {Record<string, Entry> | undefined} locked
 * @param {Record<string, Entry> | undefined} installed
 */
function isInstalled(locked, installed) {
  if (locked === undefined || installed === undefined) return false;
  const all = Object.values(installed);
  // If not a single package of a kind is installed, the kind was omitted on purpose (npm ci --omit=dev).
  const omitted = { dev: !all.some((entry) => entry.dev), optional: !all.some((entry) => entry.optional) };
  return Object.entries(locked).every(([path, entry]) => {
    const there = installed[path];
    if (path === '' || entry.link) return true;
    if (there) return there.version === entry.version && there.integrity === entry.integrity;
    if (entry.dev && omitted.dev) return true;
    return entry.optional === true && (omitted.optional || !isForThisMachine(entry));
  });
}

/**
 * Whether an optional package must be there. One that also depends on the C library, which Node does not simply tell,
 * need not be.
 * @param {Entry} entry
 */
function isForThisMachine(entry) {
  if (entry.os === undefined || entry.cpu === undefined || entry.libc !== undefined) return false;
  return entry.os.includes(process.platform) && entry.cpu.includes(process.arch);
}

/**
 * @param {string} root
 * @returns {Manifest}
 */
function manifestOf(root) {
  return parse(join(root, 'package.json')) ?? {};
}

/** @param {Versions | undefined} versions */
function sorted(versions) {
  return JSON.stringify(Object.entries(versions ?? {}).sort());
}

/** @param {string} path */
function parse(path) {
  const text = read(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
