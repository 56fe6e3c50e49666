/** Something on a {@link Roster}, which keeps its place. */
export interface RosterMember {
  place: number;
}

/**
 * Objects that come and go with every request, in no order. A Map or Set is no place for them: each time V8 makes a new table for
 * one, the old table leads to the new one. Once a table is in the old generation, that chain keeps whatever was in the tables
 * after it, so that scavenges promote nearly every request with all that it leads to, until a major collection.
 */
export class Roster<M extends RosterMember> {
  readonly #members: M[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: M): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** @returns false if it was not there. */
  remove(member: M): boolean {
    const { place } = member;
    if (this.#members[place] !== member) return false;
    const last = this.#members.pop() as M;
    if (last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    return true;
  }

  /** Those that are there now. They may be removed while they are looked at. */
  all(): readonly M[] {
    return this.#members.slice();
  }
}
