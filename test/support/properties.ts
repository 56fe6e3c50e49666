import fc from 'fast-check';
import { testSeed } from './random.ts';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: testSeed() });

/** fast-check, with the seed of this run. */
export { fc };
