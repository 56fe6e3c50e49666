import { readdir, readFile } from 'node:fs/promises';

/** The words of a domain in its code. */
export interface DomainWords {
  /** In the plural, e.g. `loans`: the folder, the read model and the query of all. */
  readonly plural: string;
  /** E.g. `loan`: the aggregate, and the query of one. */
  readonly singular: string;
  /** A role of the application that may do everything in it. */
  readonly role: string;
}

/** A file of a new domain. */
export interface DomainFile {
  /** Below the folder of the domain. */
  readonly name: string;
  readonly text: string;
}

/** A small domain that works, about tasks. */
const TEMPLATE = new URL('./template/', import.meta.url);

/** The four files of a domain and its test, as text. */
export async function domainFiles(words: DomainWords): Promise<DomainFile[]> {
  const files = (await readdir(TEMPLATE)).toSorted();
  return Promise.all(
    files.map(async (name) => ({
      name: inWords(name, words),
      text: inWords(await readFile(new URL(name, TEMPLATE), 'utf8'), words),
    })),
  );
}

/** The singular of a regular English plural; undefined if it is not one. */
export function singularOf(plural: string): string | undefined {
  if (/[^aeiou]ies$/.test(plural)) return `${plural.slice(0, -3)}y`;
  if (/(s|x|z|ch|sh)es$/.test(plural)) return plural.slice(0, -2);
  return /[^s]s$/.test(plural) ? plural.slice(0, -1) : undefined;
}

function inWords(text: string, { plural, singular, role }: DomainWords): string {
  const forms: Readonly<Record<string, string>> = {
    TASK: singular.toUpperCase(),
    Task: capitalized(singular),
    task: singular,
    Tasks: capitalized(plural),
    tasks: plural,
  };
  const article = /^[aeiou]/.test(singular) ? 'n' : '';
  return text
    .replace(/\b([Aa]) task\b/g, `$1${article} task`)
    .replace(/TASK|Tasks|tasks|Task|task/g, (word) => forms[word] ?? word)
    .replaceAll("['user']", `['${role}']`)
    .replaceAll('{ user:', `{ ${/^[a-z_]\w*$/i.test(role) ? role : `'${role}'`}:`);
}

function capitalized(word: string): string {
  return word.replace(/^./, (first) => first.toUpperCase());
}
