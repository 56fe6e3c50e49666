import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import type { AddressRange } from '../../settings/values.ts';

type IpAddress = ipaddr.IPv4 | ipaddr.IPv6;

/** An IPv6 subscriber has at least a /64 and can change addresses within it at will. */
const IPV6_PREFIX_BYTES = 8;

/** Peers whose key is cached: parsing an address costs more than everything else here. */
const MAX_PEERS = 10_000;

/** Most proxies in a chain that are followed. */
const MAX_HOPS = 20;

/** Determines whose request it is: the address of the client, also behind trusted reverse proxies. */
export interface Addresses {
  /**
   * The client that a request comes from, as the key under which its limits are counted: an IPv4 address, or the /64
   * of an IPv6 address.
   */
  clientOf(request: IncomingMessage): string;
  /** The key of the other end of a connection; undefined for a trusted proxy, behind which there are many clients. */
  peerOf(remoteAddress: string | undefined): string | undefined;
}

/**
 * Reads X-Forwarded-For from right to left while the address that wrote an entry is a trusted proxy. So a client cannot
 * choose its own address: what it sends itself is to the left of what the first proxy adds.
 */
export function createAddresses(trusted: readonly AddressRange[]): Addresses {
  const isTrusted = (address: IpAddress) =>
    trusted.some(([network, bits]) => address.kind() === network.kind() && matches(address, network, bits));
  // Undefined for a trusted proxy.
  const peers = new LRUCache<string, { readonly key: string | undefined }>({ max: MAX_PEERS });
  const peerOf = (remoteAddress: string | undefined): string | undefined => {
    if (remoteAddress === undefined) return 'unknown';
    let known = peers.get(remoteAddress);
    if (!known) {
      const peer = parse(remoteAddress);
      known = { key: peer && isTrusted(peer) ? undefined : peer ? keyOf(peer) : 'unknown' };
      peers.set(remoteAddress, known);
    }
    return known.key;
  };
  return {
    peerOf,
    clientOf: ({ socket, headers }) => {
      const peer = peerOf(socket.remoteAddress);
      if (peer !== undefined) return peer;
      let client = parse(socket.remoteAddress) as IpAddress;
      const forwarded = String(headers['x-forwarded-for'] ?? '').split(',');
      for (const entry of forwarded.reverse().slice(0, MAX_HOPS)) {
        const next = parse(entry);
        // This entry is not an address and may be anything: the last known address counts.
        if (!next) break;
        client = next;
        if (!isTrusted(client)) break;
      }
      return keyOf(client);
    },
  };
}

function matches(address: IpAddress, network: IpAddress, bits: number): boolean {
  return address instanceof ipaddr.IPv4
    ? address.match(network as ipaddr.IPv4, bits)
    : address.match(network as ipaddr.IPv6, bits);
}

/** An address as proxies write it, possibly with a port; IPv4 inside IPv6 becomes IPv4. */
function parse(text: string | undefined): IpAddress | undefined {
  const bare = text?.trim().replace(/^\[([^\]]*)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3');
  return bare && ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined;
}

function keyOf(address: IpAddress): string {
  if (address instanceof ipaddr.IPv4) return address.toString();
  const prefix = address.toByteArray().map((byte, index) => (index < IPV6_PREFIX_BYTES ? byte : 0));
  return `${ipaddr.fromByteArray(prefix).toString()}/64`;
}
