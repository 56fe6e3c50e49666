// Verifies an export of an Afterwrite log with a public key and nothing else; docs/audit.md describes the format. It is short, so
// that you can read it before you rely on it. Exit code 0: at least one event is proved, and nothing is wrong. Otherwise 1.
// node verify-export.mjs EXPORT.ndjson PUBLIC-KEY.pem [ORIGIN]: the hash before the first event of the log that it must be.
import { createPublicKey, hash, verify } from 'node:crypto';
import { createReadStream, readFileSync, realpathSync } from 'node:fs';

// The file is read as Latin-1: one character for each byte. All hashes are in hexadecimal digits.
const sha256 = (text, encoding) => hash('sha256', Buffer.from(text, encoding));
const leafHash = (content) => sha256(`\0${content}`, 'latin1');
const nodeHash = (left, right) => sha256(`01${left}${right}`, 'hex');
const chainHash = (before, leaf) => sha256(`02${before}${leaf}`, 'hex');

// Each line has one of these forms. N: a number. H: a hash. If an event was encrypted after it was recorded, WAS says what it was.
const [N, H] = ['(0|[1-9]\\d{0,14})', '"([0-9a-f]{64})"'];
const WAS = `(?:,"formerLeaf":${H},"certificate":"([0-9a-f-]{36})")?`;
const START = `"export":"afterwrite-export-1","origin":"([\\w -]+)","from":${N},"to":${N},"before":${H}`;
const form = (members) => new RegExp(`^\\{${members}\\}$`, 's');
const HEADER = form(`${START},"peaks":\\[((?:"[0-9a-f]{64}"(?:,(?="))?)*)\\],"previousHead":(?:${H}|null)`);
const EVENT = form(`"hash":${H}${WAS},"event":(\\{"position":${N},.*)`);
const LEAF = form(`"hash":${H},"leaf":${H}`);
const HEAD = form('"head":(\\{"format":"afterwrite-head-1",[^{}]*\\}),"signature":"([A-Za-z0-9+/]{85}[AQgw]==)"');
const END = form(`"end":${N},"events":${N},"heads":${N}`);

const parse = (content) => {
  try {
    return JSON.parse(content);
  } catch {
    return {};
  }
};

/** Reads the chunks of an export, as Latin-1. What they prove ends with the last head or the last position of the range. */
export async function verifyExport(chunks, keys, log) {
  const result = { from: 1, to: 0, position: 0, heads: 0, proved: 0, certified: 0, uncertified: 0 };
  let [chain, previousHead, events, unsigned, isEnded] = ['', null, 0, 0, false];
  const peaks = []; // The complete subtrees of the Merkle tree, from the largest to the smallest.
  const encrypted = new Map(); // By certificate: position and present leaf of each event that it should list.
  const check = (isRight, reason, from = result.position + 1, to = from) => {
    if (!isRight) throw Object.assign(new Error(reason), { fault: { from, to, reason } });
  };
  const begin = (line) => {
    const [, text, from, to, before, roots, previous] = HEADER.exec(line) ?? [];
    check(from > 0 && +to >= from - 1, 'this is not the first line of an export');
    Object.assign(result, { from: +from, to: +to, position: from - 1, proved: from - 1, origin: sha256(text) });
    [chain, previousHead] = [before, previous ?? null];
    // A tree has a complete subtree for each binary digit 1 of its size.
    const heights = [...Array(50).keys()].filter((height) => Math.floor(result.position / 2 ** height) % 2);
    peaks.push(...(roots.match(/\w+/g) ?? []).map((root) => ({ root, height: heights.pop() })));
    check(heights.length === 0 && peaks.every(({ height }) => height >= 0), 'the peaks do not fit the first position');
    check(from > 1 || chain === result.origin, 'the chain does not begin with the hash of its origin');
    check(!log || log === result.origin, 'this is the export of another log');
  };
  const follow = (position, leaf, stated) => {
    check(position === result.position + 1, `position ${position} follows instead`);
    chain = chainHash(chain, leaf);
    check(chain === stated, 'the event was altered, or its hash, or the event before it together with its hash');
    result.position = position;
    let [root, height] = [leaf, 0];
    for (; peaks.at(-1)?.height === height; height++) root = nodeHash(peaks.pop().root, root);
    peaks.push({ root, height });
  };
  const certify = (content) => {
    // Only events of this stream certify. In data, a blank would follow the colon.
    if (!content.slice(0, 300).includes(',"streamType":"afterwrite.Encryptions",')) return;
    const { eventId, data } = parse(content);
    const { positions: at, leaves } = data ?? {};
    // An event of another form certifies nothing.
    const isForm = Array.isArray(at) && at.every(Number.isSafeInteger) && /^[0-9a-f]*$/.test(leaves);
    const isRight = isForm && typeof leaves === 'string' && leaves.length === 64 * at.length;
    const all = isRight ? at.map((position, nth) => [position, leaves.slice(nth * 64, nth * 64 + 64)]) : [];
    const [listed, found] = [all.filter(([at]) => at >= result.from), encrypted.get(eventId) ?? []];
    const places = [...listed, ...found].map(([at]) => at).sort((a, b) => a - b);
    const reason = 'an event that was encrypted is not what its certificate says';
    check(listed.join() === found.join(), reason, places[0], places.at(-1));
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
    const root = peaks.map((peak) => peak.root).reduceRight((right, left) => nodeHash(left, right));
    const isSame = head.origin === result.origin && head.hash === chain && head.root === root;
    check(isSame, 'this is a chain, but not the one that was signed', unproved, at);
    check(head.previous === previousHead, 'a head before this one was removed or inserted', unproved, at);
    [previousHead, result.certified, unsigned] = [sha256(text), result.certified + unsigned, 0];
    Object.assign(result, { firstHead: result.firstHead ?? head, lastHead: head, heads: result.heads + 1 });
    result.proved = Math.min(at, result.to);
  };
  const read = (line) => {
    check(!isEnded, 'something follows the last line of the export');
    if (!result.origin) return begin(line);
    const [event, leaf, head, end] = [EVENT, LEAF, HEAD, END].map((pattern) => pattern.exec(line)?.slice(1));
    check(event || leaf || head || end, 'the line has none of the forms of an export');
    if (head) return confirm(...head);
    check(Boolean(event) === result.position < result.to, 'events of the range are missing, or too many');
    if (leaf) follow(result.position + 1, leaf[1], leaf[0]);
    if (event) {
      const [stated, former, certificate, content, at] = event;
      const present = leafHash(content);
      follow(+at, former ?? present, stated);
      if (certificate && !encrypted.has(certificate)) encrypted.set(certificate, []);
      encrypted.get(certificate)?.push([+at, present]);
      certify(content);
      events++;
    }
    isEnded = end?.join() === [result.position, events, result.heads].join();
    check(isEnded || !end, 'the last line counts other events and heads');
  };
  try {
    let rest = '';
    for await (const chunk of chunks) {
      rest += chunk;
      if (!chunk.includes('\n')) continue; // Long lines are joined once, at their end.
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) read(line);
    }
    check(isEnded && rest === '', 'the export is cut off');
  } catch (error) {
    if (!error.fault) throw error;
    result.fault = error.fault;
  }
  result.uncertified = [...encrypted.values()].flat().length + unsigned;
  return { ...result, isProved: !result.fault && result.proved >= result.from && result.uncertified === 0 };
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  const [file, keyFile, log] = process.argv.slice(2);
  const pem = readFileSync(keyFile, 'latin1').match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  const result = await verifyExport(createReadStream(file, 'latin1'), pem.map(createPublicKey), log);
  const { origin, from, proved, isProved, fault, firstHead, lastHead, certified, uncertified } = result;
  const followed = Math.min(result.position, result.to);
  if (fault) console.log(`FAULT at positions ${fault.from} to ${fault.to}: ${fault.reason}.`);
  console.log(proved < from ? 'PROVED: nothing.' : `PROVED: events ${from} to ${proved} are what was signed.`);
  if (lastHead) console.log('Log:', origin, 'First and last head:', firstHead, lastHead);
  if (followed > proved) console.log(`NOT PROVED: events ${proved + 1} to ${followed}, which no head here signs.`);
  if (certified) console.log(`ENCRYPTED SINCE: ${certified}. It is not proved that they said the same before.`);
  if (uncertified) console.log(`NOT PROVED: what ${uncertified} events say that were encrypted since.`);
  process.exitCode = isProved ? 0 : 1;
}
