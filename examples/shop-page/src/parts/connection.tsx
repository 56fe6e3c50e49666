import { useOnline, useServerAway } from '../api/connection.ts';
import { useWaiting } from '../api/outbox.ts';

/** Says that there is no connection or no server, and what waits for it. */
export function Connection() {
  const isOnline = useOnline();
  const isAway = useServerAway();
  const waiting = useWaiting();
  const commands = waiting === 1 ? '1 change waits' : `${waiting} changes wait`;
  return (
    <p className="connection" role="status">
      {!isOnline && <span className="badge is-warning">Offline</span>}
      {isOnline && isAway && <span className="badge is-warning">The server cannot be reached</span>}
      {waiting > 0 && <span className="badge appears-late">{commands} to be sent</span>}
    </p>
  );
}
