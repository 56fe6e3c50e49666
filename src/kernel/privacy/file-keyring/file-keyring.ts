import { hash, randomBytes, randomUUID } from 'node:crypto';
import { wallTime } from '../../clock/wall-clock.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { KEY_BYTES, openBox, sealBox } from '../box.ts';
import { GONE, type Gone, type Keyring, KeyringError, type KeyringGeneration } from '../keyring.ts';
import { type FileGeneration, type KeyringContent, ownerOf, withErased } from './keyring-content.ts';
import { type FileMark, KeyringFile } from './keyring-file.ts';
import { PackedNodes } from './packed-nodes.ts';
import { leafOf, PuncturableKey } from './puncturable-key.ts';

/** How often to look whether another process has changed the file, in ms. */
const LOOK_EVERY_MS = 1000;
/** The generation is stored before the box of a wrapped key. */
const NUMBER_BYTES = 4;
/** Length of what tells two generations of one number apart, in hexadecimal digits. */
const MARK_LENGTH = 32;

/** What was read from the file. */
interface Loaded {
  readonly mark: FileMark;
  readonly content: KeyringContent;
  readonly erased: ReadonlySet<string>;
  readonly generations: ReadonlyMap<number, PuncturableKey>;
  readonly newest: number;
}

/**
 * A keyring in a file. It contains one puncturable key for each generation: erasing a subject takes away from each what its wrapping
 * key could be derived from, and leaves the keys of all others. See {@link PuncturableKey}.
 */
export class FileKeyring implements Keyring {
  readonly id: string;
  readonly hashKey: Buffer;
  readonly #file: KeyringFile;
  #loaded: Loaded;
  #lookedAt = performance.now();
  #looking: Promise<Loaded> | undefined;

  private constructor(file: KeyringFile, loaded: Loaded) {
    this.id = loaded.content.id;
    this.hashKey = loaded.content.hashKey;
    this.#file = file;
    this.#loaded = loaded;
  }

  /**
   * Creates a keyring.
   * @param path of the file, which must not exist. Only its owner may read it.
   * @throws {KeyringError} KEYRING_EXISTS, KEYRING_READ_ONLY
   */
  static async create(path: string): Promise<FileKeyring> {
    const file = new KeyringFile(path);
    await file.create({
      id: randomUUID(),
      hashKey: randomBytes(KEY_BYTES),
      erased: [],
      owners: [],
      generations: [newGeneration(1)],
    });
    return FileKeyring.open(path);
  }

  /** @throws {KeyringError} KEYRING_MISSING, KEYRING_DAMAGED, KEYRING_UNAVAILABLE */
  static async open(path: string): Promise<FileKeyring> {
    const file = new KeyringFile(path);
    return new FileKeyring(file, await load(file));
  }

  async wrap(subject: Subject, key: Buffer): Promise<Buffer | Gone> {
    const { erased, generations, newest } = await this.#newest();
    const leaf = leafOf(subject);
    const wrapping = erased.has(leaf) ? undefined : generations.get(newest)?.derive(leaf);
    if (!wrapping) return GONE;
    const number = Buffer.alloc(NUMBER_BYTES);
    number.writeUInt32BE(newest);
    return Buffer.concat([number, sealBox(wrapping, key, subject)]);
  }

  async unwrap(subject: Subject, wrapped: Buffer): Promise<Buffer | Gone> {
    const { erased, generations } = await this.#newest();
    const leaf = leafOf(subject);
    if (erased.has(leaf)) return GONE;
    const generation = generations.get(generationOf(wrapped));
    if (!generation) {
      throw new KeyringError(
        'KEY_DAMAGED',
        `A key of ${subject} is of generation ${generationOf(wrapped)}, which the keyring ${this.#file.path} does not have. Restore a copy of the keyring that has it.`,
      );
    }
    const wrapping = generation.derive(leaf);
    if (!wrapping) return GONE;
    const key = openBox(wrapping, wrapped.subarray(NUMBER_BYTES), subject);
    if (key) return key;
    throw new KeyringError(
      'KEY_DAMAGED',
      `A key of ${subject} in es.subject_keys is not what the keyring ${this.#file.path} has wrapped. Restore it from a backup.`,
    );
  }

  async isErased(subject: Subject): Promise<boolean> {
    const { erased } = await this.#newest();
    return erased.has(leafOf(subject));
  }

  async erase(subject: Subject, tenant?: string): Promise<void> {
    const leaf = leafOf(subject);
    await this.#change((content) => {
      if (content.erased.includes(leaf)) return undefined;
      const generations = content.generations.map((generation) => ({
        ...generation,
        key: generation.key.puncture(leaf),
      }));
      return { ...withErased(content, leaf, tenant), generations };
    });
  }

  async rotate({ forgetsFormer = false }: { readonly forgetsFormer?: boolean } = {}): Promise<void> {
    await this.#change((content) => {
      const { generations } = content;
      const newest = generations.at(-1) as FileGeneration;
      return { ...content, generations: forgetsFormer ? [newest] : [...generations, newGeneration(newest.number + 1)] };
    });
  }

  async isNewest(wrapped: Buffer): Promise<boolean> {
    return generationOf(wrapped) === (await this.#newest()).newest;
  }

  async refresh(): Promise<void> {
    // A look that is under way may have begun before the change.
    await this.#looking?.catch(() => undefined);
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    await this.#newest();
  }

  async generations(): Promise<readonly [KeyringGeneration, ...KeyringGeneration[]]> {
    const { content } = await this.#newest();
    const [first, ...more] = content.generations.map(({ number, createdAt }) => {
      const mark = hash('sha256', `${this.id}\n${number}\n${createdAt}`, 'hex').slice(0, MARK_LENGTH);
      return { number, mark };
    });
    return [first as KeyringGeneration, ...more];
  }

  async isNewer(wrapped: Buffer): Promise<boolean> {
    return generationOf(wrapped) > (await this.#newest()).newest;
  }

  async erasures(): Promise<number> {
    return (await this.#newest()).content.erased.length;
  }

  async mayHaveErased(known: number, tenant?: string): Promise<boolean> {
    const { erased, owners } = (await this.#newest()).content;
    if (erased.length <= known) return false;
    if (tenant === undefined) return true;
    const later = owners.filter(([place]) => place >= known);
    return later.length < erased.length - known || later.some(([, owner]) => owner === ownerOf(tenant));
  }

  async #change(change: (content: KeyringContent) => KeyringContent | undefined): Promise<void> {
    await this.#file.change((content) => {
      this.#refuseOther(content);
      return change(content);
    });
    await this.refresh();
  }

  /** The keyring as it is in the file, at most a second ago. */
  async #newest(): Promise<Loaded> {
    if (performance.now() - this.#lookedAt < LOOK_EVERY_MS) return this.#loaded;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<Loaded> {
    if ((await this.#file.mark()) !== this.#loaded.mark) {
      const loaded = await load(this.#file);
      this.#refuseOther(loaded.content);
      this.#loaded = loaded;
    }
    this.#lookedAt = performance.now();
    return this.#loaded;
  }

  /** A file may have been put in the place of the keyring while this process ran. */
  #refuseOther({ id, erased, generations }: KeyringContent): void {
    const { path } = this.#file;
    if (id !== this.id) {
      throw new KeyringError(
        'KEYRING_FOREIGN',
        `${path} was replaced by another keyring, ${id} instead of ${this.id}. Put the former one back: only it can read what is stored.`,
      );
    }
    const known = this.#loaded.content.erased.length;
    const generation = generations.at(-1)?.number ?? 0;
    if (generation < this.#loaded.newest) {
      throw new KeyringError(
        'KEYRING_OUTDATED',
        `${path} was replaced by an older copy of the keyring, of generation ${generation} instead of ${this.#loaded.newest}: it cannot read what was encrypted since. Put the newest one back.`,
      );
    }
    if (erased.length >= known) return;
    throw new KeyringError(
      'KEYRING_OUTDATED',
      `${path} was replaced by an older copy of the keyring, in which ${known - erased.length} erased subjects are not erased. Put the newest one back.`,
    );
  }
}

async function load(file: KeyringFile): Promise<Loaded> {
  // The mark comes first: if the file changes in between, it is read again.
  const mark = await file.mark();
  const content = await file.read();
  const { erased, generations } = content;
  return {
    ...{ mark, content, erased: new Set(erased), newest: generations.at(-1)?.number ?? 0 },
    generations: new Map(generations.map(({ number, key }) => [number, key])),
  };
}

function newGeneration(number: number): FileGeneration {
  const root = PackedNodes.of([['', randomBytes(KEY_BYTES)]]);
  return { number, createdAt: new Date(wallTime()).toISOString(), key: new PuncturableKey(root) };
}

function generationOf(wrapped: Buffer): number {
  return wrapped.length < NUMBER_BYTES ? 0 : wrapped.readUInt32BE();
}
