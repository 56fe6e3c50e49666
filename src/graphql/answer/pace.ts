import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';
import { approximateBytes } from '../../kernel/bytes.ts';

/** Fields that an operation may resolve at once. A page that people look at has fewer. */
const FIELDS_AT_ONCE = 5000;
/** Fields that are resolved in each later turn of the event loop: about 2 ms. */
const FIELDS_PER_TURN = 2000;
/** Bytes of an element that take as long as a field: they are counted as they will be in JSON. */
const BYTES_PER_FIELD = 400;

type ListInfo = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>;
export type Paced<T> = readonly (T | Promise<T>)[];

/** What paces an operation. */
export interface Pacing {
  /** Called before a list is resolved in a later turn; it throws if the operation is over. */
  readonly check: () => void;
  /** Resolves when the operation has a turn on the event loop. */
  readonly turn: () => Promise<void>;
}

/**
 * Gives others a turn while an operation resolves long lists, or lists of large rows. The executor resolves all elements of an available list at
 * once. So lists beyond the first {@link FIELDS_AT_ONCE} fields of an operation are handed to it in later turns of the
 * event loop, long ones a few elements at a time.
 */
export class Pace {
  readonly #pacing: Pacing;
  #fields = 0;
  #turn: Promise<void> | undefined;
  #leftInTurn = 0;

  constructor(pacing: Pacing) {
    this.#pacing = pacing;
  }

  /** The elements of a list, now or in a later turn. */
  elements<T>(list: readonly T[], info: ListInfo): Paced<T> | Promise<Paced<T>> {
    const own = weightOf(info);
    const weights = list.map((element) => own + Math.floor(approximateBytes(element) / BYTES_PER_FIELD));
    const weight = weights.reduce((sum, each) => sum + each, 0);
    this.#fields += weight;
    if (this.#fields <= FIELDS_AT_ONCE) return list;
    return this.#later(Math.min(weight, FIELDS_PER_TURN)).then(() => {
      this.#pacing.check();
      let left = FIELDS_PER_TURN;
      return list.map((element, index) => {
        const fields = weights[index] as number;
        left -= fields;
        return left >= 0 || index === 0 ? element : this.#later(fields).then(() => element);
      });
    });
  }

  /** Resolves in a turn of the event loop that has room for this many fields. */
  #later(fields: number): Promise<void> {
    if (!this.#turn || this.#leftInTurn <= 0) {
      const before = this.#turn;
      this.#turn = before ? before.then(() => this.#pacing.turn()) : this.#pacing.turn();
      this.#leftInTurn = FIELDS_PER_TURN;
    }
    this.#leftInTurn -= fields;
    return this.#turn;
  }
}

const weights = new WeakMap<FieldNode, number>();

/** Number of fields of each element, without the elements of nested lists. */
function weightOf({ fieldNodes, fragments }: ListInfo): number {
  let weight = 1;
  for (const node of fieldNodes) {
    let known = weights.get(node);
    if (known === undefined) {
      known = fieldsIn(node.selectionSet, fragments);
      weights.set(node, known);
    }
    weight += known;
  }
  return weight;
}

function fieldsIn(set: SelectionSetNode | undefined, fragments: GraphQLResolveInfo['fragments']): number {
  let fields = 0;
  for (const selection of set?.selections ?? []) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      fields += fieldsIn(fragments[selection.name.value]?.selectionSet, fragments);
    } else {
      fields += (selection.kind === Kind.FIELD ? 1 : 0) + fieldsIn(selection.selectionSet, fragments);
    }
  }
  return fields;
}
