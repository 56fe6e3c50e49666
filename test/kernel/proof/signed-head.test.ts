import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { originHash } from '../../../src/kernel/proof/hashes.ts';
import {
  type HeadContent,
  headHash,
  headLine,
  headText,
  isSignedBy,
  keyIdOf,
  readHead,
  readHeadLine,
  signHead,
} from '../../../src/kernel/proof/signed-head.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const head: HeadContent = {
  origin: originHash('afterwrite-log-1 x'),
  position: 42,
  hash: originHash('hash'),
  root: originHash('root'),
  previous: undefined,
  signedAt: new Date('2026-01-02T03:04:05.006Z'),
  keyId: keyIdOf(privateKey),
};

describe('a signed head', () => {
  it('is read as it was signed', () => {
    for (const previous of [undefined, headHash('before')]) {
      expect(readHead(headText({ ...head, previous }))).toEqual({ ...head, previous });
    }
  });

  it('keeps its text and its signature in a line', () => {
    const signed = signHead(head, privateKey);
    expect(readHeadLine(headLine(signed))).toEqual(signed);
    expect(JSON.parse(headLine(signed))).toEqual({ head: JSON.parse(signed.text), signature: signed.signature });
  });

  it('is signed by the owner of one key only', () => {
    const signed = signHead(head, privateKey);
    expect(isSignedBy(signed, publicKey)).toBe(true);
    expect(isSignedBy(signed, generateKeyPairSync('ed25519').publicKey)).toBe(false);
    expect(isSignedBy({ ...signed, text: signed.text.replace('"position":42', '"position":43') }, publicKey)).toBe(
      false,
    );
  });

  it('names the key by its public part', () => {
    expect(keyIdOf(privateKey)).toMatch(/^[0-9a-f]{32}$/);
    expect(keyIdOf(privateKey)).toBe(keyIdOf(publicKey));
    expect(keyIdOf(createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })))).toBe(keyIdOf(publicKey));
    expect(keyIdOf(generateKeyPairSync('ed25519').publicKey)).not.toBe(keyIdOf(publicKey));
  });

  it('is not read if anything is written in another way than it is signed', () => {
    const text = headText(head);
    const others = [
      ` ${text}`,
      `${text}\n`,
      text.replace('"position":42', '"position":042'),
      text.replace('"position":42', '"position":4.2e1'),
      text.replace('"position":42', '"position":0'),
      text.replace('-head-1', '-head-2'),
      text.replace('2026-01-02', '2026-13-02'),
      text.replace(',"hash"', ', "hash"'),
      text.replace('"previous":null', '"previous":""'),
      text.toUpperCase(),
    ];
    for (const other of others) expect(readHead(other), other).toBeUndefined();
  });

  it('has one way of writing its signature', () => {
    const { text, signature } = signHead(head, privateKey);
    const last = signature.at(-3) as string;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const twin = `${signature.slice(0, -3)}${alphabet[alphabet.indexOf(last) + 1]}==`;
    // Both decode to the same bytes.
    expect(Buffer.from(twin, 'base64')).toEqual(Buffer.from(signature, 'base64'));
    expect(readHeadLine(headLine({ text, signature: twin }))).toBeUndefined();
  });
});
