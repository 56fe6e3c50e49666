/**
 * Calls back once when the launcher (scripts/run.mjs) that started this process is gone. The launcher passes SIGINT,
 * SIGTERM and SIGHUP on, but can not pass on that it was killed with SIGKILL; a server that is to end with it gives its
 * graceful shutdown here. Does not keep the process alive, and does nothing where no launcher started it.
 */
export function onLauncherGone(callback: () => void): void {
  // The variable is inherited by processes further down, which have no channel; a channel may also be another parent's.
  if (process.env.AFTERWRITE_LAUNCHER === undefined || process.send === undefined) return;
  if (!process.connected) {
    queueMicrotask(callback);
    return;
  }
  process.once('disconnect', callback);
  process.channel?.unref();
}
