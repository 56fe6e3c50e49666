import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { HeadWitness } from '../../kernel/audit/heads/witness.ts';
import { LogFault } from '../../kernel/proof/log-fault.ts';
import { withoutCredentials } from '../../text/credentials.ts';
import { FileWitness } from './file-witness.ts';

/** The witness that `AUDIT_WITNESS` names. */
export function openWitness(url: string): HeadWitness {
  // The id is stored in the database. With other credentials, which a query may have too, it is the same witness.
  const { protocol, host, pathname } = new URL(url);
  const id = createHash('sha256').update(`${protocol}//${host}${pathname}`).digest('hex').slice(0, 32);
  return url.startsWith('file:') ? new FileWitness(fileURLToPath(url), id) : new HttpWitness(url, id);
}

/** Characters of a refusal that are shown. */
const REASON_LENGTH = 200;
/** The answers to a conditional PUT if there is an object already, or another request is making one. */
const IS_THERE = new Set([409, 412]);

/**
 * Sends each head to a server: POST, or PUT to a URL of its own if the URL has `{position}`. Any answer with a status of
 * 200 to 299 means that the server has it. PUT never overwrites: whoever writes the log anew would else have this server
 * replace the heads that show it.
 */
export class HttpWitness implements HeadWitness {
  readonly id: string;
  readonly #url: string;
  readonly #method: 'POST' | 'PUT';
  readonly #headers: Readonly<Record<string, string>>;
  readonly #credentials: Readonly<Record<string, string>>;

  constructor(url: string, id: string) {
    const parsed = new URL(url);
    const { username, password } = parsed;
    this.id = id;
    this.#credentials = username || password ? { authorization: `Basic ${basic(username, password)}` } : {};
    this.#method = url.includes('{position}') ? 'PUT' : 'POST';
    this.#headers = {
      'content-type': 'application/json',
      ...(this.#method === 'PUT' ? { 'if-none-match': '*' } : {}),
      ...this.#credentials,
    };
    // `fetch` refuses a URL with credentials.
    this.#url = username || password ? url.replace(/\/\/[^/]*@/, '//') : url;
  }

  /** @throws {LogFault} if the server has another head of this position. */
  async take(
    { line, position }: { readonly line: string; readonly position: number },
    signal: AbortSignal,
  ): Promise<void> {
    const url = this.#url.replaceAll('{position}', String(position));
    const answer = await fetch(url, {
      ...{ method: this.#method, headers: this.#headers, body: `${line}\n`, signal },
      redirect: 'error',
    });
    if (answer.ok) {
      await answer.body?.cancel();
      return;
    }
    const reason = await startOf(answer, REASON_LENGTH);
    if (this.#method === 'PUT' && IS_THERE.has(answer.status)) {
      const had = await this.#get(url, line.length + 2, signal);
      if (had?.trimEnd() === line) return;
      if (had !== undefined) {
        throw new LogFault(
          `the witness ${withoutCredentials(url)} has another head of this position than this log: the log was written anew, or ` +
            'restored from a backup. After a restore, give the new history a folder of its own',
          position,
        );
      }
    }
    throw new Error(
      `The witness ${withoutCredentials(url)} refused the head of position ${position}: ${answer.status} ${reason}`,
    );
  }

  /** The start of an object; undefined if it cannot be read. */
  async #get(url: string, length: number, signal: AbortSignal): Promise<string | undefined> {
    const answer = await fetch(url, { headers: this.#credentials, signal, redirect: 'error' });
    const text = await startOf(answer, length);
    return answer.ok ? text : undefined;
  }
}

function basic(user: string, password: string): string {
  return Buffer.from(`${decodeURIComponent(user)}:${decodeURIComponent(password)}`).toString('base64');
}

/** An answer may be of any size. */
async function startOf(answer: Response, length: number): Promise<string> {
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.length >= length) break;
  }
  return text.slice(0, length);
}
