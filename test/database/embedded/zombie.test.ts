import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findPostmaster } from '../../../src/database/embedded/postmaster.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';
import { cleanUp, temporaryFolder } from './helpers.ts';

afterEach(cleanUp);

test.skipIf(lacks('/proc'))(
  'a killed postmaster that nobody has taken out of the process table does not keep Postgres from starting',
  async () => {
    // When the child ends, its parent has become a program that never asks about it.
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
      await until(async () => / Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8')));
      const folder = await temporaryFolder();
      const rest = `${folder}\n1700000000\n5432\n\n127.0.0.1\n  123 456\nready   \n`;
      await writeFile(join(folder, 'postmaster.pid'), `${pid}\n${rest}`);
      expect(await findPostmaster(folder)).toBeUndefined();
      const text = await readFile(join(folder, 'postmaster.pid'), 'utf8');
      const [disowned] = text.split('\n');
      expect(() => process.kill(Number(disowned), 0)).toThrow(/ESRCH/);
      expect(text.slice(`${disowned}\n`.length)).toBe(rest);
    } finally {
      parent.kill('SIGKILL');
    }
  },
);
