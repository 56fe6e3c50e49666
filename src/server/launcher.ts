/**
 * Calls back once when the launcher (scripts/run.mjs) that started this process has ended. The launcher forwards
 * SIGINT, SIGTERM and SIGHUP, but it cannot forward its own SIGKILL. With this callback, a server can still shut down
 * gracefully. Does not keep the process alive, and does nothing if no launcher started it.
 */
export function onLauncherGone(callback: () => void): void {
  // Child processes inherit the variable but have no channel; a channel may also belong to another parent.
  if (process.env.AFTERWRITE_LAUNCHER === undefined || process.send === undefined) return;
  if (!process.connected) {
    queueMicrotask(callback);
    return;
  }
  process.once('disconnect', callback);
  process.channel?.unref();
}
