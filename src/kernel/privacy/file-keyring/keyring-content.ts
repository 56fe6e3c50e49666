import { hash } from 'node:crypto';
import { z } from 'zod';
import { bitsOf, NODE_BYTES, PackedNodes, pathOf } from './packed-nodes.ts';
import { PuncturableKey } from './puncturable-key.ts';

/** What begins with a rotation. */
export interface FileGeneration {
  readonly number: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly key: PuncturableKey;
}

/** Whose an erased subject is: its place among the erased, and the {@link ownerOf} its tenant. */
export type OwnerOfErased = readonly [place: number, owner: string];

/** Erasures of which it is remembered whose they are. A tenant with more of them to look at looks through its keys instead. */
const MOST_OWNERS = 1000;

/** A tenant as the file names it: by the same few characters, however long the name is. Two tenants may be named alike. */
export function ownerOf(tenant: string): string {
  return hash('sha256', tenant, 'hex').slice(0, 12);
}

/** Adds somebody to the erased. @param tenant whose subject it is, if that is known. */
export function withErased({ erased, owners, ...rest }: KeyringContent, leaf: string, tenant?: string): KeyringContent {
  const added = tenant === undefined ? [] : [[erased.length, ownerOf(tenant)] as const];
  return { ...rest, erased: [...erased, leaf], owners: [...owners, ...added].slice(-MOST_OWNERS) };
}

/** The content of a keyring file. */
export interface KeyringContent {
  readonly id: string;
  readonly hashKey: Buffer;
  /** Leaves of the subjects that were erased, in the order of the erasures. */
  readonly erased: readonly string[];
  /** Whose the newest of the erased are, as far as it is known. */
  readonly owners: readonly OwnerOfErased[];
  /** Oldest first; never empty. */
  readonly generations: readonly FileGeneration[];
}

const Key = z.base64().transform((text) => Buffer.from(text, 'base64'));
const FormerNode = z.tuple([z.string().regex(/^[0-3]{0,32}$/), Key]);
const common = { afterwrite: z.literal('keyring'), id: z.uuid(), hashKey: Key };
const named = { number: z.int(), createdAt: z.iso.datetime() };

/** The first format: one line of JSON, of which JavaScript can read at most 512 MB. */
const FormerContent = z.object({
  ...common,
  format: z.literal(1),
  erased: z.array(z.string()),
  generations: z.array(z.object({ ...named, nodes: z.array(FormerNode) })).min(1),
});

/** The first line. What follows are the leaves of the erased, and the nodes of each generation, packed. */
const Head = z.object({
  ...common,
  format: z.literal(2),
  erased: z.int().nonnegative(),
  owners: z.array(z.tuple([z.int().nonnegative(), z.string()])).optional(),
  generations: z.array(z.object({ ...named, nodes: z.int().nonnegative() })).min(1),
});

const LEAF_BYTES = 8;
const NEW_LINE = 0x0a;

/** The content as bytes, in pieces. */
export function* packed({ id, hashKey, erased, owners, generations }: KeyringContent): Generator<Buffer> {
  const head: z.input<typeof Head> = {
    ...{ afterwrite: 'keyring', format: 2, id, hashKey: hashKey.toString('base64'), erased: erased.length },
    owners: owners.map(([place, owner]) => [place, owner]),
    generations: generations.map(({ number, createdAt, key }) => ({ number, createdAt, nodes: key.nodes.size })),
  };
  yield Buffer.from(`${JSON.stringify(head)}\n`);
  const leaves = Buffer.alloc(erased.length * LEAF_BYTES);
  for (const [nth, leaf] of erased.entries()) leaves.writeBigUInt64BE(bitsOf(leaf), nth * LEAF_BYTES);
  yield leaves;
  for (const { key } of generations) yield key.nodes.bytes;
}

/** The content of bytes; undefined if they are no keyring. */
export function unpacked(bytes: Buffer): KeyringContent | undefined {
  const end = bytes.indexOf(NEW_LINE);
  const head = Head.safeParse(end < 0 ? undefined : jsonOf(bytes.subarray(0, end)));
  if (!head.success) return undefined;
  const { id, hashKey, erased: count, owners = [], generations } = head.data;
  const nodesAt = end + 1 + count * LEAF_BYTES;
  const total = generations.reduce((sum, { nodes }) => sum + nodes * NODE_BYTES, nodesAt);
  if (total !== bytes.length) return undefined;
  const erased = Array.from({ length: count }, (_, nth) => pathOf(bytes.readBigUInt64BE(end + 1 + nth * LEAF_BYTES)));
  let at = nodesAt;
  return {
    ...{ id, hashKey, erased, owners },
    generations: generations.map(({ nodes, ...generation }) => {
      const from = at;
      at += nodes * NODE_BYTES;
      return { ...generation, key: new PuncturableKey(new PackedNodes(bytes.subarray(from, at))) };
    }),
  };
}

/** The content of a file of the first format; undefined if the text is none. */
export function formerContent(text: string): KeyringContent | undefined {
  const parsed = FormerContent.safeParse(jsonOf(Buffer.from(text)));
  if (!parsed.success) return undefined;
  const { id, hashKey, erased, generations } = parsed.data;
  return {
    ...{ id, hashKey, erased, owners: [] },
    generations: generations.map(({ nodes, ...generation }) => ({
      ...generation,
      key: new PuncturableKey(PackedNodes.of(nodes)),
    })),
  };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
