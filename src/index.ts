// The face of the product for authors of applications: what defines one.

export type { TenantDatabases } from './database/tenants/tenant-databases.ts';
export type { AdapterContext, App } from './definition/app.ts';
export { type AppDefinition, defineApp } from './definition/define-app.ts';
export type { TenantMode } from './definition/tenants.ts';
export {
  type Actor,
  actorWith,
  hasPower,
  hasRole,
  isNobody,
  MAX_ACTOR_ID,
  SYSTEM,
  subjectOf,
} from './kernel/define/access/actor.ts';
export {
  type AppTypes,
  type Claims,
  defineRoles,
  type Power,
  type Role,
  type RoleDefinition,
  type Roles,
} from './kernel/define/access/roles.ts';
export { type Aggregate, defineAggregate, type Evolve, unchanged } from './kernel/define/aggregate.ts';
export {
  type Allow,
  type Command,
  defineCommand,
  type GatherTools,
  type InputOf,
  type Load,
  Rejection,
  reject,
} from './kernel/define/command.ts';
export type { CommandOutcome } from './kernel/define/command-outcome.ts';
export { type Domain, defineDomain } from './kernel/define/domain.ts';
export {
  type DataOf,
  defineEvent,
  type EventDefinition,
  type NewEventOf,
  type RecordedEvent,
} from './kernel/define/event.ts';
export { nonPersonal, personal } from './kernel/define/personal/personal.ts';
export {
  defineSubject,
  ERASED,
  type EventOrigin,
  type Subject,
  type SubjectType,
} from './kernel/define/personal/subject.ts';
export {
  CallAgain,
  type CallTools,
  callAgain,
  defineEffect,
  type Effect,
} from './kernel/define/process-manager/effect.ts';
export {
  bindPort,
  definePort,
  type Port,
  type PortBinding,
  type ProvidedAdapters,
} from './kernel/define/process-manager/port.ts';
export {
  clearDeadline,
  defineProcess,
  issue,
  type Process,
  type Reached,
  type Reaction,
  type Refusal,
  type Step,
  setDeadline,
} from './kernel/define/process-manager/process.ts';
export { historyTable } from './kernel/define/read-model/history-table.ts';
export {
  defineProjection,
  type Projection,
  type RowOf,
  type VisibleTo,
} from './kernel/define/read-model/projection.ts';
export { readTable, type StoredRow } from './kernel/define/read-model/read-table.ts';
export { containsText, searchText, searchTextIn, sortText } from './kernel/define/read-model/search-text.ts';
export type { Engine } from './kernel/engine.ts';
export { OutcomeUnknownError, ThrottledError } from './kernel/errors.ts';
export { GONE, type Gone, type Keyring, KeyringError } from './kernel/privacy/keyring.ts';
export type { Keyrings, OpenKeyring } from './kernel/privacy/open-keyring.ts';
export { findCommand } from './kernel/write/find-command.ts';
export { type Setting, type Settings, setting as defineSetting, type ValuesOf } from './settings/setting.ts';
export * as settingValue from './settings/values.ts';
