import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type Address, Link } from './link.ts';

/** A server that answers whatever it is told with its name. */
async function startServer(name: string): Promise<Address> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', () => socket.write(name));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function openLink(): Promise<{ link: Link; elsewhere: Address; dial: () => Promise<Socket> }> {
  const [address, elsewhere] = await Promise.all([startServer('here'), startServer('elsewhere')]);
  const link = await Link.open(() => address);
  onTestFinished(() => link.close());
  const dial = async () => {
    const socket = connect(link.port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  return { link, elsewhere, dial };
}

async function ask(socket: Socket): Promise<string> {
  socket.write('?');
  const [answer] = await once(socket, 'data');
  return String(answer);
}

it('silences the connections that there are, for ever, and no later ones', async () => {
  const { link, dial } = await openLink();
  const old = await dial();
  expect(await ask(old)).toBe('here');
  let heard = 0;
  old.on('data', () => {
    heard += 1;
  });
  link.silence();
  old.write('?');
  // Late answers go on when they are let pass; those on silent connections do not.
  link.hold();
  link.pass();
  expect(await ask(await dial())).toBe('here');
  expect(heard).toBe(0);
  expect(old.closed).toBe(false);
  const closed = once(old, 'close');
  link.cutSilent();
  await closed;
  expect(heard).toBe(0);
});

it('swallows new connections until it is told otherwise, and those stay silent', async () => {
  const { link, dial } = await openLink();
  link.swallow(true);
  const swallowed = await dial();
  let heard = 0;
  swallowed.on('data', () => {
    heard += 1;
  });
  swallowed.write('?');
  link.swallow(false);
  expect(await ask(await dial())).toBe('here');
  expect(heard).toBe(0);
});

it('leads new connections elsewhere, and leaves those there when it leads back', async () => {
  const { link, elsewhere, dial } = await openLink();
  const before = await dial();
  expect(await ask(before)).toBe('here');
  link.leadTo(elsewhere);
  const astray = await dial();
  expect(await ask(astray)).toBe('elsewhere');
  expect(await ask(before)).toBe('here');
  link.leadTo(undefined);
  expect(await ask(astray)).toBe('elsewhere');
  expect(await ask(await dial())).toBe('here');
});
