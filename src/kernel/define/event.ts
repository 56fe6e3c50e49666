import type { z } from 'zod';
import { type DataSchema, dataSchemaOf } from './data-schema.ts';
import { DefinitionError } from './definition-error.ts';
import { type Disclosure, disclosureOf } from './personal/personal.ts';
import { type PersonalParts, personalPartsOf } from './personal/personal-parts.ts';
import { type EventOrigin, type Subject, type SubjectOf, somebody } from './personal/subject.ts';
import { refuseMalformedVersion } from './version-number.ts';

/** Possible content of an event: JSON, because the log stores it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** An event that was decided and is not in the log yet. */
export interface NewEvent<Name extends string = string, Data = unknown> {
  readonly type: Name;
  readonly data: Data;
}

/** An event in the log, converted to its newest schema version. */
export interface RecordedEvent<Name extends string = string, Data = unknown> extends NewEvent<Name, Data> {
  readonly eventId: string;
  /** Place in the whole log: 1, 2, 3, … without holes, in commit order. */
  readonly position: number;
  readonly streamType: string;
  readonly streamId: string;
  /** Place in its stream: 1, 2, 3, … */
  readonly version: number;
  readonly metadata: EventMetadata;
  readonly commandId: string;
  /**
   * Its data as text, without personal data; empty if nothing is left, or nobody can read it. A read model that reads the summary of an
   * event of newer code waits for an instance with that code.
   */
  readonly summary: string;
  /** Business time. Never decreases within a stream. */
  readonly occurredAt: Date;
  /** When the store recorded it. Never decreases along the log. */
  readonly recordedAt: Date;
  /** Whom it is about, if it was stored with a keyring and somebody is known. */
  readonly subject?: Subject | undefined;
}

/** The origin of an event; stored with it. */
export interface EventMetadata {
  readonly actor: { readonly id: string; readonly roles: readonly string[] };
  /**
   * Id of the actor whose request started the chain that led to this event. Present only if it differs from the acting
   * actor, as for a process that acts as the system on behalf of a user. Read it with {@link initiatorOf}.
   */
  readonly initiator?: string;
  /** The same for everything that one request caused. */
  readonly correlationId: string;
  /** The event or command that caused this event's command, if any. */
  readonly causationId?: string;
  /** W3C trace context of the request. */
  readonly traceparent?: string;
}

/**
 * Id of the actor on whose behalf an event was appended: the one who made the request that started the chain of processes
 * and effects, or else the acting actor. Work is distributed fairly over initiators.
 */
export function initiatorOf({ initiator, actor }: Pick<EventMetadata, 'initiator' | 'actor'>): string {
  return initiator ?? actor.id;
}

/** Converts the data of one schema version to the next. Its input was validated when it was written. */
export type Upcaster = (old: Readonly<Record<string, Json>>) => unknown;

/** A kind of event with any data. */
export interface EventDefinition<Name extends string = string, Data = unknown> {
  readonly eventName: Name;
  /** The newest version; new events are stored with it. */
  readonly schemaVersion: number;
  readonly description: string | undefined;
  /**
   * Converts stored data to the newest version and validates it.
   * @throws {UnreadableEventError} if an upcaster is missing or the result does not fit the schema.
   */
  decode(stored: unknown, schemaVersion: number): Data;
  /** Data of the newest version as text, without personal data, for the audit trail. */
  summary(data: Data): string;
  /** Paths of texts in the data that are neither `personal` nor `nonPersonal`: they are left out of the summary. */
  readonly unclassified: readonly string[];
  /** The shape of the newest version's data in the log. */
  readonly dataSchema: DataSchema;
  /** Its parts that are marked as personal. */
  readonly personalParts: PersonalParts;
  /** True if its author has said whom an event is about. */
  readonly hasSubject: boolean;
  /** Whom an event is about, as far as its author has said so and somebody is known. */
  subjectOf(data: Data, origin: EventOrigin): Subject | undefined;
}

/** A kind of event: call it to create one. */
export interface EventType<Name extends string, Data> extends EventDefinition<Name, Data> {
  (data: Data): NewEvent<Name, Data>;
}

export type EventTypes = Readonly<Record<string, EventDefinition>>;
export type DataOf<E> = E extends EventDefinition<string, infer Data> ? Data : never;
export type NewEventOf<Events> = {
  [K in keyof Events & string]: NewEvent<K, DataOf<Events[K]>>;
}[keyof Events & string];

/**
 * A stored event cannot be converted to the current schema. `afterwrite events check` finds these before a deploy.
 */
export class UnreadableEventError extends Error {
  readonly code = 'UNREADABLE_EVENT';
  readonly eventName: string;
  readonly schemaVersion: number;
  /** Position in the log; undefined until the reader of the log has added it. */
  readonly position: number | undefined;
  /** It was stored by newer code, which can read it: this code does not know its schema version or its name. */
  readonly isNewer: boolean;
  readonly #reason: string;

  constructor(
    eventName: string,
    schemaVersion: number,
    reason: string,
    { position, isNewer = false }: { readonly position?: number | undefined; readonly isNewer?: boolean } = {},
  ) {
    const where = position === undefined ? '' : ` at position ${position}`;
    super(`${eventName} (schema version ${schemaVersion})${where} cannot be read: ${reason}`);
    this.name = 'UnreadableEventError';
    this.eventName = eventName;
    this.schemaVersion = schemaVersion;
    this.position = position;
    this.isNewer = isNewer;
    this.#reason = reason;
  }

  /** The same error with its position in the log. */
  at(position: number | undefined): UnreadableEventError {
    return new UnreadableEventError(this.eventName, this.schemaVersion, this.#reason, {
      position,
      isNewer: this.isNewer,
    });
  }
}

/**
 * Defines a type of event: a fact in the domain's words, in the past tense, with what cannot be derived later and
 * nothing that can.
 *
 * @param name its name in the log, which can never change.
 * @param options.data the schema of the newest version; its texts are marked as `personal` or `nonPersonal`.
 * @param options.subject whom an event is about: whose key encrypts its personal parts. By default, that of its aggregate.
 * @param options.version the newest schema version; default: 1.
 * @param options.upcast for each earlier version, a function that converts its data to the next version; a chain (Greg
 *   Young, *Versioning in an Event Sourced System*). Stored events are never changed.
 * @throws {DefinitionError} VERSION_MALFORMED, UPCASTER_MISSING, UPCASTER_UNUSED
 */
export function defineEvent<Name extends string, Schema extends z.ZodType<Json>>(
  name: Name,
  options: {
    readonly data: Schema;
    readonly subject?: SubjectOf<z.output<Schema>>;
    readonly version?: number;
    readonly upcast?: Readonly<Record<number, Upcaster>>;
    readonly description?: string;
  },
): EventType<Name, z.output<Schema>> {
  const { data: schema, version: schemaVersion = 1, upcast = {} } = options;
  refuseMalformedVersion(`Event ${name}`, 'version', schemaVersion);
  refuseOtherUpcasters(name, schemaVersion, upcast);
  const decode = (stored: unknown, storedVersion: number): z.output<Schema> => {
    if (storedVersion < 1 || storedVersion > schemaVersion) {
      const reason = `this code knows versions 1 to ${schemaVersion}`;
      throw new UnreadableEventError(name, storedVersion, reason, { isNewer: storedVersion > schemaVersion });
    }
    let data = stored;
    for (let version = storedVersion; version < schemaVersion; version++) {
      try {
        data = upcast[version]?.(data as Record<string, Json>);
      } catch (cause) {
        throw new UnreadableEventError(name, storedVersion, `its upcaster from version ${version} failed: ${cause}`);
      }
    }
    const parsed = schema.safeParse(data);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new UnreadableEventError(name, storedVersion, `${issue?.path.join('.') || 'data'}: ${issue?.message}`);
  };
  const make = (data: z.output<Schema>): NewEvent<Name, z.output<Schema>> => ({ type: name, data });
  // Computed only when needed: most processes never ask.
  let disclosure: Disclosure | undefined;
  const disclosed = () => {
    disclosure ??= disclosureOf(schema);
    return disclosure;
  };
  let parts: PersonalParts | undefined;
  const personalParts = () => {
    parts ??= personalPartsOf(schema);
    return parts;
  };
  const summary = (data: z.output<Schema>) => disclosed().summary(data);
  const type = Object.assign(make, {
    eventName: name,
    schemaVersion,
    description: options.description,
    decode,
    summary,
    hasSubject: options.subject !== undefined,
    subjectOf: (data: z.output<Schema>, origin: EventOrigin) => somebody(options.subject?.(data, origin)),
  });
  return Object.defineProperties(type, {
    unclassified: { get: () => disclosed().unclassified },
    dataSchema: { get: () => dataSchemaOf(schema) },
    personalParts: { get: personalParts },
  }) as EventType<Name, z.output<Schema>>;
}

/** Each earlier version needs an upcaster, or its events could not be read. One from any other version would never be called. */
function refuseOtherUpcasters(event: string, newest: number, upcast: Readonly<Record<number, Upcaster>>): void {
  for (let version = 1; version < newest; version++) {
    if (upcast[version]) continue;
    throw new DefinitionError(
      'UPCASTER_MISSING',
      { event, version },
      `Event ${event} is at schema version ${newest} but has no upcaster from version ${version}. ` +
        `Write how its data becomes that of version ${version + 1}: upcast: { ${version}: (old) => ({ … }) }.`,
    );
  }
  const earlier = new Set(Array.from({ length: newest - 1 }, (_, nth) => String(nth + 1)));
  const unused = Object.keys(upcast).find((version) => !earlier.has(version));
  if (unused === undefined) return;
  throw new DefinitionError(
    'UPCASTER_UNUSED',
    { event, version: unused },
    `Event ${event} is at schema version ${newest} and has an upcaster from version ${unused}, which is not an earlier one. ` +
      'Raise version to the one that the last upcaster leads to, or remove the upcaster.',
  );
}
