import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, ownIdentity } from './processes.ts';

/**
 * The processes that use one data folder, one small file each. A process that is killed with SIGKILL leaves its file
 * behind. Call everything here under the folder's lock.
 */
export class ProcessRegistry {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Adds this process (once more). @returns the name for removing it. */
  async add(): Promise<string> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const name = `${process.pid}-${randomBytes(6).toString('hex')}`;
    await writeFile(join(this.#folder, name), ownIdentity(), { flag: 'wx', mode: 0o600 });
    return name;
  }

  /** Removes one use; does nothing if it is already gone. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  /** Number of uses by living processes; removes those of dead ones. */
  async count(): Promise<number> {
    let living = 0;
    for (const name of await readdir(this.#folder)) {
      if (isAlive(await readFile(join(this.#folder, name), 'utf8'))) living += 1;
      else await this.remove(name);
    }
    return living;
  }
}
