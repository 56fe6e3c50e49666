import { readFileSync } from 'node:fs';

const INTERVAL_MS = 250;

/**
 * Calls back once when npm, which started the launcher, is gone. npm passes a signal on to the shell in between only,
 * and that ends without telling the launcher; so a SIGTERM to `npm start` would leave the server running. Does nothing
 * where npm did not start the launcher: another parent may well leave it alone on purpose.
 * @param {() => void} callback
 */
export function onOrphaned(callback) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    callback();
  }, INTERVAL_MS);
  timer.unref();
}

/** The parent, and npm behind it where the parent is a shell. */
function ancestors() {
  const parent = process.ppid;
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8');
    const isShell = /\((sh|dash|bash|ash|zsh|busybox)\)/.test(stat);
    const grandparent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    return isShell ? `${parent} ${grandparent}` : String(parent);
  } catch {
    return String(parent);
  }
}
