import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** Fields that an operation may resolve at once; a page that people look at has fewer. */
const FIELDS_AT_ONCE = 10_000;
/** Fields of later elements that are resolved in one turn of the event loop: about 2 ms. */
const FIELDS_A_TURN = 2000;

/**
 * Lets others take turns while an operation resolves long lists. graphql-js resolves all elements of a list that is there at once;
 * elements beyond the first {@link FIELDS_AT_ONCE} fields of an operation are handed to it a few at a time instead.
 */
export class Pace {
  #fields = 0;
  #turn: Promise<void> | undefined;
  #leftInTurn = 0;

  /** The elements of a list, of which later ones come in later turns. */
  elements<T>(
    list: readonly T[],
    info: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>,
  ): readonly (T | Promise<T>)[] {
    const weight = weightOf(info);
    this.#fields += weight * list.length;
    const beyond = this.#fields - FIELDS_AT_ONCE;
    if (beyond <= 0) return list;
    const now = Math.max(0, list.length - Math.ceil(beyond / weight));
    return list.map((element, index) => (index < now ? element : this.#later(element, weight)));
  }

  #later<T>(element: T, weight: number): Promise<T> {
    if (!this.#turn || this.#leftInTurn <= 0) {
      const before = this.#turn;
      this.#turn = before ? before.then(() => nextTurn()) : nextTurn();
      this.#leftInTurn = FIELDS_A_TURN;
    }
    this.#leftInTurn -= weight;
    return this.#turn.then(() => element);
  }
}

const weights = new WeakMap<FieldNode, number>();

/** The fields that each element of a list has, without those of the elements of lists in it. */
function weightOf({ fieldNodes, fragments }: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>): number {
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
