// The face of the product for tests of domains: pure, without a database.
export { givenEvents } from './fold.ts';
export { type Given, given, type Outcome, type When } from './given.ts';
export { type GivenProcess, givenProcess, type WhenProcess } from './process.ts';
export { recorded } from './recorded.ts';
