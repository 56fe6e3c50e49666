import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { person } from './people.ts';

/** Erases so many people in a keyring, one after the other: a process beside others. */
const [path = '', name = '', count = ''] = process.argv.slice(2);
const keyring = await FileKeyring.open(path);
for (let nth = 0; nth < Number(count); nth++) await keyring.erase(person(`${name}${nth}`));
