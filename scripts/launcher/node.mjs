import { join } from 'node:path';

/** The oldest Node that runs the project's TypeScript as it is. */
const MINIMUM_MAJOR = 24;

/** Whether the Node that runs the launcher is too old for the project. */
export function isTooOld() {
  return Number.parseInt(process.versions.node, 10) < MINIMUM_MAJOR;
}

/**
 * The Node that the package `node` brings.
 * @param {string} root the project's folder
 */
export function packagedNode(root) {
  return join(root, 'node_modules', 'node', 'bin', 'node');
}

/**
 * The Node to run the project with.
 * @param {string} root the project's folder
 */
export function nodeToUse(root) {
  return isTooOld() ? packagedNode(root) : process.execPath;
}
