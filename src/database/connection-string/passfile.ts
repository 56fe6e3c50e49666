import { readFileSync, statSync } from 'node:fs';

/** Identifies the wanted password. */
export interface PasswordFor {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password in a file like `~/.pgpass`: lines of `host:port:database:user:password`, in which `*` matches anything
 * and a backslash escapes a colon or a backslash. Undefined if there is no such file or line, or if others may read the
 * file.
 */
export function passwordInFile(path: string, { host, port, database, user }: PasswordFor): string | undefined {
  let text: string;
  try {
    const { mode } = statSync(path);
    // Like libpq, ignore such a file.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) return undefined;
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line);
    if (fields.length < 5) continue;
    const isIt = wanted.every((value, index) => fields[index] === '*' || unescaped(fields[index] ?? '') === value);
    if (isIt) return unescaped(fields.slice(4).join(':'));
  }
  return undefined;
}

/** Splits at colons that are not escaped by a backslash. */
function fieldsOf(line: string): string[] {
  return (
    line
      .match(/(?:\\.|[^:\\])*(?::|$)/gs)
      ?.slice(0, -1)
      .map((field) => field.replace(/:$/, '')) ?? []
  );
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}
