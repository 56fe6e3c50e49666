import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { domainFiles } from '../../src/cli/generate/domain-files.ts';

/** A project cannot be created; the message says what to do. */
export class CreateError extends Error {
  readonly code: 'USAGE' | 'BAD_NAME' | 'FOLDER_IN_USE';

  constructor(code: CreateError['code'], message: string) {
    super(message);
    this.name = 'CreateError';
    this.code = code;
  }
}

export interface NewProject {
  /** Its absolute path. The last part is the name of the application. */
  readonly folder: string;
  /** Which afterwrite it depends on; by default the version that this package was published with. */
  readonly afterwrite?: string | undefined;
  /** Adds the npm package `node`, which brings a Node that runs TypeScript: its scripts find it before that of the machine. */
  readonly bringsNode: boolean;
}

const PACKAGE = packageFolder(dirname(fileURLToPath(import.meta.url)));

/**
 * Writes a new application. Its domain is what `afterwrite generate domain tasks` writes.
 * @returns how many files it has.
 * @throws {CreateError} BAD_NAME, or FOLDER_IN_USE if there is something in the folder besides what git and editors put there.
 */
export async function createProject({ folder, afterwrite, bringsNode }: NewProject): Promise<number> {
  const name = basename(folder);
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new CreateError(
      'BAD_NAME',
      `${name} cannot name an application: use lower-case letters, digits and hyphens.`,
    );
  }
  const present = existsSync(folder) ? await readdir(folder) : [];
  const inTheWay = present.filter((file) => !file.startsWith('.'));
  if (inTheWay.length > 0) {
    throw new CreateError(
      'FOLDER_IN_USE',
      `There is something in ${folder} already (${inTheWay[0]}): choose another folder.`,
    );
  }
  const versions = JSON.parse(await readFile(join(PACKAGE, 'dist/versions.json'), 'utf8')) as Record<string, string>;
  const files = [...(await templateFiles()), ...(await sampleDomain())];
  for (const { path, text } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    const inWords = text
      .replaceAll('my-app', name)
      .replace(/"VERSION_OF:([^"]+)"/g, (_, of: string) =>
        JSON.stringify((of === 'afterwrite' ? afterwrite : undefined) ?? versions[of]),
      );
    const isManifest = path === 'package.json' && bringsNode;
    await writeFile(target, isManifest ? withNode(inWords, versions.node) : inWords, { flag: 'wx' });
  }
  return files.length;
}

function withNode(text: string, version: string | undefined): string {
  const manifest = JSON.parse(text);
  // npm runs install scripts of the packages that are listed here and of no others.
  const changed = {
    ...manifest,
    allowScripts: { ...manifest.allowScripts, node: true },
    devDependencies: { ...manifest.devDependencies, node: version },
  };
  return `${JSON.stringify(changed, undefined, 2)}\n`;
}

interface ProjectFile {
  /** Below the folder of the project. */
  readonly path: string;
  readonly text: string;
}

/** npm leaves files that begin with a dot out of packages: here they begin with an underscore. */
async function templateFiles(): Promise<ProjectFile[]> {
  const root = join(PACKAGE, 'template');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(async (path) => ({
      path: path.slice(root.length + 1).replace(/(^|[/\\])_/g, '$1.'),
      text: await readFile(path, 'utf8'),
    })),
  );
}

async function sampleDomain(): Promise<ProjectFile[]> {
  const files = await domainFiles({ plural: 'tasks', singular: 'task', role: 'user' });
  return files.map(({ name, text }) => ({ path: `domains/tasks/${name}`, text }));
}

/** The folder of this package, from the source as well as compiled. */
function packageFolder(from: string): string {
  return existsSync(join(from, 'template/package.json')) ? from : packageFolder(dirname(from));
}
