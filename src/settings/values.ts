import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { problemOfUrl, readTarget } from '../database/connection-string/target.ts';

// Rules for the text of an environment variable. Each message ends a sentence that begins with the setting's name.

/** A whole number. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .trim()
    .regex(/^\d+$/, { error, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, error);
}

export const text = z.string().trim();
export const postgresUrl = text.superRefine((url, { addIssue }) => {
  const problem = problemOfUrl(url);
  if (problem !== undefined) addIssue({ code: 'custom', message: problem });
});
export const namesOneServer = (url: string) => problemOfUrl(url) !== undefined || readTarget(url).servers.length === 1;
/** Whether a connection string can lead to a writable server. */
export const allowsWriting = (url: string) =>
  problemOfUrl(url) !== undefined || ['any', 'read-write', 'primary'].includes(readTarget(url).sessionAttributes);
const isHttpUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
export const httpUrl = text.refine(isHttpUrl, 'must be an http:// or https:// URL');
/** @param word that is accepted too. */
export const httpUrlOr = (word: string) =>
  text.refine((value) => value === word || isHttpUrl(value), `must be an http:// or https:// URL, or ${word}`);
/** A file, or an HTTP URL. */
export const auditWitness = text.refine(
  (value) => isHttpUrl(value) || (URL.canParse(value) && new URL(value).protocol === 'file:'),
  'must be file:/path, or an http:// or https:// URL',
);
export const secretKey = z.string().refine((value) => Buffer.byteLength(value) >= 32, 'must be at least 32 bytes long');
export const origins = text
  .transform((value) => value.split(',').map((origin) => origin.trim()))
  .transform((list): readonly string[] => list.filter((origin) => origin !== ''))
  .refine(
    (list) => list.every((origin) => isHttpUrl(origin) && new URL(origin).origin === origin),
    'must be origins separated by commas, each like https://shop.example (no path, no trailing slash, no *)',
  );

export const oneOf = <const T extends string>(...values: T[]) =>
  text.pipe(z.enum(values, `must be one of ${values.join(', ')}`));
export const onOff = oneOf('on', 'off').transform((value) => value === 'on');

export const redisUrl = text.regex(/^rediss?:\/\/\S+$/, 'must be a redis:// or rediss:// URL');

/** Names for private ranges of addresses. */
const NAMED_RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

export type AddressRange = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number];

/** Addresses, CIDR ranges and named ranges, separated by commas. */
export const addressRanges = text
  .transform((value) => value.split(',').map((range) => range.trim()))
  .transform((list) => list.filter((range) => range !== '').flatMap((range) => NAMED_RANGES[range] ?? [range]))
  .refine(
    (list) => list.every((range) => ipaddr.isValidCIDR(range) || ipaddr.isValid(range)),
    'must be addresses or CIDR ranges separated by commas, like 10.0.0.7, 192.168.0.0/16, loopback or private',
  )
  .transform((list): readonly AddressRange[] =>
    list.map((range) => {
      if (ipaddr.isValidCIDR(range)) return ipaddr.parseCIDR(range);
      const address = ipaddr.parse(range);
      return [address, address.toByteArray().length * 8];
    }),
  );
