// The face of the product for tests of an application. What starts with `given` is pure and needs no database.
export { givenEvents } from '../kernel/testing/fold.ts';
export { type Given, given, type Outcome, type When } from '../kernel/testing/given.ts';
export { type GivenProcess, givenProcess, type WhenProcess } from '../kernel/testing/process.ts';
export { recorded } from '../kernel/testing/recorded.ts';
export type { BadInput } from './bad-inputs.ts';
export type { Feed, FeedEnding, FeedError, FeedMessage } from './clients/feed.ts';
export type {
  Answer,
  AnswerError,
  CommandAnswer,
  CommandOptions,
  HttpClient,
  QueryOptions,
} from './clients/http-client.ts';
export type { TestClient } from './clients/test-client.ts';
export type { Duration, TestClock } from './clock.ts';
export { createTestApp } from './create-test-app.ts';
export type { TestActor, TestApp, TestAppOptions } from './test-app.ts';
