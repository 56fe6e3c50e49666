// Verifies an export of an Afterwrite log with a public key and nothing else. It is short, so that you can read it before
// you rely on it; docs/audit.md describes the format. Exit code 0: proved. 1: not proved, or something is wrong.
// node verify-export.mjs EXPORT.ndjson PUBLIC-KEY.pem [ORIGIN]: the hash before the first event of the log that it must be.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, readFileSync, realpathSync } from 'node:fs';

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const leafHash = (content) => sha256(Buffer.of(0), content);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const chainHash = (before, leaf) => sha256(Buffer.of(2), before, leaf);
const bytes = (hex) => Buffer.from(hex, 'hex');

// Each line has one of these forms, in Latin-1: one character for each byte. N: a number. H: a hash.
const N = '(0|[1-9]\\d{0,14})';
const H = '"([0-9a-f]{64})"';
const form = (members) => new RegExp(`^\\{${members}\\}$`, 's');
const START = `"export":"afterwrite-export-1","origin":"([\\w -]+)","from":${N},"to":${N},"before":${H}`;
const HEADER = form(`${START},"peaks":\\[((?:"[0-9a-f]{64}"(?:,(?="))?)*)\\],"previousHead":(?:${H}|null)`);
const WAS = `(?:,"formerLeaf":${H},"certificate":"([0-9a-f-]{36})")?`; // If the event was encrypted after it was recorded.
const EVENT = form(`"hash":${H}${WAS},"event":(\\{"position":${N},.*)`);
const LEAF = form(`"hash":${H},"leaf":${H}`);
const HEAD = form('"head":(\\{"format":"afterwrite-head-1",[^{}]*\\}),"signature":"([A-Za-z0-9+/]{85}[AQgw]==)"');
const END = form(`"end":${N},"events":${N},"heads":${N}`);

/** Reads the chunks of an export, as Latin-1. What they prove ends with the last head or the last position of the range. */
export async function verifyExport(chunks, keys, log) {
  const result = { from: 1, to: 0, position: 0, heads: 0, proved: 0, certified: 0, uncertified: 0 };
  let [hash, origin, previousHead, events, isBegun, isEnded] = ['', '', null, 0, false, false];
  const encrypted = new Map(); // By certificate: events whose content was encrypted after it was recorded.
  let unsigned = 0; // Those of them whose certificate no head signs yet.
  const peaks = []; // The roots of the complete subtrees of the Merkle tree, by height.
  const check = (isRight, reason, from = result.position + 1, to = from) => {
    if (!isRight) throw Object.assign(new Error(reason), { fault: { from, to, reason } });
  };
  const begin = (line) => {
    const [, text, from, to, before, given, previous] = HEADER.exec(line) ?? [];
    check(from > 0 && +to >= from - 1, 'this is not the first line of an export');
    Object.assign(result, { from: +from, to: +to, position: from - 1, proved: from - 1 });
    [hash, origin, previousHead, isBegun] = [before, sha256(Buffer.from(text)).toString('hex'), previous ?? null, true];
    // A tree has a complete subtree for each binary digit 1 of its size.
    const [sizes, hashes] = [result.position.toString(2).split('').reverse(), given.match(/\w+/g) ?? []];
    check(sizes.filter((digit) => digit === '1').length === hashes.length, 'the peaks do not fit the first position');
    for (const height in sizes) if (sizes[height] === '1') peaks[height] = bytes(hashes.pop());
    check(from > 1 || hash === origin, 'the chain does not begin with the hash of its origin');
    check(!log || log === origin, 'this is the export of another log');
    result.origin = origin;
  };
  const follow = (position, leaf, stated) => {
    check(position === result.position + 1, `position ${position} follows instead`);
    hash = chainHash(bytes(hash), leaf).toString('hex');
    check(hash === stated, 'the event was altered, or its hash, or the event before it together with its hash');
    let [root, height] = [leaf, 0];
    for (; peaks[height]; peaks[height++] = undefined) root = nodeHash(peaks[height], root);
    peaks[height] = root;
    result.position = position;
  };
  const positionOf = (line) => Number.parseInt(line, 10);
  const certify = (content) => {
    // Only events of this stream certify. In data, a blank would follow the colon.
    if (!content.slice(0, 300).includes(',"streamType":"afterwrite.Encryptions",')) return;
    const { eventId, data } = JSON.parse(content);
    const all = data.positions.map((at, nth) => `${at} ${data.leaves.slice(nth * 64, nth * 64 + 64)}`);
    const [listed, found] = [all.filter((line) => positionOf(line) >= result.from), encrypted.get(eventId) ?? []];
    const at = [...listed, ...found].map(positionOf).sort((a, b) => a - b);
    const isSame = listed.join() === found.join();
    check(isSame, 'an event that was encrypted is not what its certificate says', at[0], at.at(-1));
    encrypted.delete(eventId);
    unsigned += listed.length;
  };
  const confirm = (text, signature) => {
    const unproved = (result.lastHead?.position ?? result.from - 1) + 1;
    const at = Math.max(unproved, result.position);
    const isSigned = keys.some((key) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64')));
    check(isSigned, 'the head is not signed with your key', at);
    const head = JSON.parse(text);
    const isHere = head.position === result.position && at === result.position;
    check(isHere, 'the head does not belong here', head.position > at ? result.position + 1 : at);
    const root = peaks.filter(Boolean).reduce((right, left) => nodeHash(left, right));
    const isSame = head.origin === origin && head.hash === hash && head.root === root.toString('hex');
    check(isSame, 'this is a chain, but not the one that was signed', unproved, at);
    check(head.previous === previousHead, 'a head before this one was removed or inserted', unproved, at);
    previousHead = sha256(Buffer.from(text)).toString('hex');
    [result.certified, unsigned] = [result.certified + unsigned, 0];
    Object.assign(result, { firstHead: result.firstHead ?? head, lastHead: head, heads: result.heads + 1 });
    result.proved = Math.min(at, result.to);
  };
  const read = (line) => {
    check(!isEnded, 'something follows the last line of the export');
    if (!isBegun) return begin(line);
    const [event, leaf, head, end] = [EVENT, LEAF, HEAD, END].map((pattern) => pattern.exec(line));
    check(event || leaf || head || end, 'the line has none of the forms of an export');
    if (head) return confirm(head[1], head[2]);
    check(Boolean(event) === result.position < result.to, 'events of the range are missing, or too many');
    if (event) {
      const [, stated, former, by, content, at] = event;
      const present = leafHash(Buffer.from(content, 'latin1'));
      follow(+at, former ? bytes(former) : present, stated, events++);
      if (by && !encrypted.has(by)) encrypted.set(by, []);
      if (by) encrypted.get(by).push(`${at} ${present.toString('hex')}`);
      certify(content);
    }
    if (leaf) follow(result.position + 1, bytes(leaf[2]), leaf[1]);
    isEnded = end?.slice(1).join() === [result.position, events, result.heads].join();
    check(isEnded || !end, 'the last line counts other events and heads');
  };
  try {
    let rest = '';
    for await (const chunk of chunks) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) read(line);
    }
    check(isEnded && rest === '', 'the export is cut off');
  } catch (error) {
    result.fault = error.fault;
    if (!error.fault) throw error;
  }
  result.uncertified = [...encrypted.values()].flat().length + unsigned;
  result.isProved = !result.fault && result.proved >= result.from && result.uncertified === 0;
  return result;
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  const [file, keyFile, log] = process.argv.slice(2);
  const pem = readFileSync(keyFile, 'latin1').match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  const read = verifyExport(createReadStream(file, 'latin1'), pem.map(createPublicKey), log);
  const { origin, from, to, position, proved, isProved, fault, firstHead, lastHead, ...since } = await read;
  const followed = Math.min(position, to);
  if (fault) console.log(`FAULT at positions ${fault.from} to ${fault.to}: ${fault.reason}.`);
  console.log(proved < from ? 'PROVED: nothing.' : `PROVED: events ${from} to ${proved} are what was signed.`);
  if (lastHead) console.log('Log:', origin, 'First and last head:', firstHead, lastHead);
  if (followed > proved) console.log(`NOT PROVED: events ${proved + 1} to ${followed}, which no head here signs.`);
  if (since.certified)
    console.log(`ENCRYPTED SINCE: ${since.certified}. It is not proved that they said the same before.`);
  if (since.uncertified) console.log(`NOT PROVED: what ${since.uncertified} events say that were encrypted since.`);
  process.exitCode = isProved ? 0 : 1;
}
