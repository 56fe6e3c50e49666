import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens, says where to the process that has forked this one, tells it the used CPU time if asked, and ends with it. */
export async function serve(server: Server, release: () => unknown = () => {}): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.on('disconnect', async () => {
    server.close();
    server.closeAllConnections();
    await release();
    process.exit(0);
  });
  process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
