import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { openProgramFolder } from './scratch.ts';

const MODULE = new URL('scratch.ts', import.meta.url).href;
const PROGRAM = `scratch-test-${process.pid}`;

/** Makes folders of a program in a process that ends without removing them. */
function leaveFolders(): { readonly left: string; readonly kept: string } {
  const program = `
    import { keepProgramFolder, openProgramFolder } from '${MODULE}';
    const [left, kept] = [openProgramFolder('${PROGRAM}'), openProgramFolder('${PROGRAM}')];
    keepProgramFolder(kept);
    console.log(JSON.stringify({ left, kept }));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }));
}

it('the folder that a killed run has left is removed at the next start, and not what was kept or is in use', () => {
  const { left, kept } = leaveFolders();
  expect([left, kept].map(existsSync)).toEqual([true, true]);
  const [first, second] = [openProgramFolder(PROGRAM), openProgramFolder(PROGRAM)];
  onTestFinished(() => {
    for (const folder of [left, kept, first, second]) rmSync(folder, { recursive: true, force: true });
  });
  expect([left, kept, first, second].map(existsSync)).toEqual([false, true, true, true]);
});
