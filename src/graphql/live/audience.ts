import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { isVisible, nameOfVisibility, type Visibility } from '../read/visibility.ts';
import { RightsIndex } from './rights-index.ts';

/** Somebody who listens to a read model. */
export interface AudienceMember {
  readonly group: Group;
  readonly subscriber: Subscriber;
  /** Number of the last change that this member has seen or need not see. */
  knows: number;
}

/** Members of a read model with the same rights: each change is checked once for all of them. */
export interface Group {
  readonly visibility: Visibility;
  /** Members who listen to every row. */
  readonly members: Set<AudienceMember>;
  /** Number of all members, including those who listen to some rows only. */
  size: number;
}

/** One subscription. It is a member of each read model that it listens to. */
export interface Subscriber {
  /** Only changes of these rows concern it; undefined for all rows. */
  readonly keys: ReadonlySet<string> | undefined;
  /** By the names of the read models. */
  readonly members: Map<string, AudienceMember>;
  /** Must not throw. */
  readonly tell: (update: ProjectionUpdate) => void;
}

/** The update of one read model that a subscription receives. */
export interface ProjectionUpdate {
  readonly projection: string;
  readonly position: number;
  readonly keys: ReadonlySet<string> | null;
  readonly lagMs: number;
}

/** A notice for some members: the rows that changed; null if unknown. */
export interface Notice {
  readonly members: Iterable<AudienceMember>;
  readonly keys: ReadonlySet<string> | null;
}

/** Subscriptions by the keys of the rows that they listen to, for all read models together. */
export type SubscribersByKey = Map<string, Set<Subscriber>>;

/**
 * Everyone who listens to one read model, grouped by rights, so that a change costs only as much as there are
 * subscribers whom it concerns.
 */
export class Audience {
  readonly #projection: string;
  readonly #byKey: SubscribersByKey;
  readonly #groups = new Map<string, Group>();
  readonly #rights = new RightsIndex<Group>();
  /** Members who listen to some rows only. */
  readonly #keyed = new Set<AudienceMember>();
  /** Members who listen to every row and may see some rows only. */
  #restricted = 0;

  constructor(projection: string, byKey: SubscribersByKey) {
    this.#projection = projection;
    this.#byKey = byKey;
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  add(subscriber: Subscriber, visibility: Visibility, knows: number): AudienceMember {
    const name = nameOfVisibility(visibility);
    let group = this.#groups.get(name);
    if (!group) {
      group = { visibility, members: new Set(), size: 0 };
      this.#groups.set(name, group);
      if (visibility !== 'all') this.#rights.add(visibility, group);
    }
    const member = { group, subscriber, knows };
    group.size++;
    subscriber.members.set(this.#projection, member);
    if (subscriber.keys) this.#keyed.add(member);
    else group.members.add(member);
    if (!subscriber.keys && isRestricted(group)) this.#restricted++;
    return member;
  }

  remove(member: AudienceMember): void {
    const { group, subscriber } = member;
    if (!subscriber.members.delete(this.#projection)) return;
    this.#keyed.delete(member);
    if (group.members.delete(member) && isRestricted(group)) this.#restricted--;
    group.size--;
    if (group.size > 0) return;
    this.#groups.delete(nameOfVisibility(group.visibility));
    if (group.visibility !== 'all') this.#rights.remove(group.visibility, group);
  }

  /** All members. */
  *everybody(): Iterable<AudienceMember> {
    for (const { members } of this.#groups.values()) yield* members;
    yield* this.#keyed;
  }

  /** The properties of a row that decide who may see it. */
  get deciding(): string[] {
    return this.#rights.properties;
  }

  /** Changed rows for which the right of some member to see them has to be looked up. */
  undecided(changed: ReadonlySet<string>): string[] {
    if (this.#rights.isEmpty) return [];
    if (this.#restricted > 0) return [...changed];
    return this.#listenedTo(changed).filter((key) => this.#membersOf(key).some(({ group }) => isRestricted(group)));
  }

  /**
   * Decides which members are told of which changes.
   * @param rows the {@link deciding} properties of the {@link undecided} rows; undefined if they could not be read.
   */
  noticesOf(changed: ReadonlySet<string>, rows: ReadonlyMap<string, RowValues> | undefined): Notice[] {
    const notices: Notice[] = [];
    const all = this.#groups.get('all');
    if (all) notices.push({ members: all.members, keys: changed });
    if (!rows) {
      for (const group of this.#groups.values()) {
        if (isRestricted(group)) notices.push({ members: group.members, keys: null });
      }
    } else {
      for (const [{ members }, keys] of this.#visibleTo(rows)) notices.push({ members, keys });
    }
    const concerned = new Map<AudienceMember, Set<string>>();
    for (const key of this.#listenedTo(changed)) {
      for (const member of this.#membersOf(key)) {
        if (rows && isRestricted(member.group)) {
          const row = rows.get(key);
          if (!row || !isVisible(member.group.visibility, row)) continue;
        }
        concerned.set(member, (concerned.get(member) ?? new Set()).add(key));
      }
    }
    for (const [member, keys] of concerned) {
      notices.push({ members: [member], keys: rows || !isRestricted(member.group) ? keys : null });
    }
    return notices;
  }

  #visibleTo(rows: ReadonlyMap<string, RowValues>): Map<Group, Set<string>> {
    const visible = new Map<Group, Set<string>>();
    for (const [key, row] of rows) {
      for (const group of this.#rights.candidates(row)) {
        if (group.members.size === 0 || !isVisible(group.visibility, row)) continue;
        visible.set(group, (visible.get(group) ?? new Set()).add(key));
      }
    }
    return visible;
  }

  /** Changed rows that some member listens to by key. */
  #listenedTo(changed: ReadonlySet<string>): string[] {
    if (this.#keyed.size === 0) return [];
    if (changed.size <= this.#byKey.size) return [...changed].filter((key) => this.#byKey.has(key));
    return [...this.#byKey.keys()].filter((key) => changed.has(key));
  }

  #membersOf(key: string): AudienceMember[] {
    const members: AudienceMember[] = [];
    for (const { members: own } of this.#byKey.get(key) ?? []) {
      const member = own.get(this.#projection);
      if (member) members.push(member);
    }
    return members;
  }
}

function isRestricted({ visibility }: Group): boolean {
  return visibility !== 'all';
}
