import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { planSelection } from './plan.ts';
import { collectFields } from './selection.ts';
import type { Execution, InfoFragments, SelectionPlan } from './types.ts';

/** Most bytes of kept plans (approximate). */
const MAX_BYTES = 32 * 1024 * 1024;
/** Selections that are kept of one operation: there is one for each combination of its conditions. */
const MAX_VARIANTS = 64;
/** Bytes of an operation's plan without its selections. */
const OPERATION_BYTES = 500;

interface OperationPlan {
  /** The variables on which it depends what is selected. */
  readonly conditions: readonly string[];
  /** The selections at the root, by the values of the conditions. */
  readonly roots: Map<string, SelectionPlan>;
}

/** The plans of operations of one schema. They are kept as long as their documents, and as there is room. */
export class OperationPlans {
  readonly #fragments = new WeakMap<DocumentNode, InfoFragments>();
  #plans = new WeakMap<OperationDefinitionNode, OperationPlan>();
  #bytes = 0;
  // A function that is made where a run is at hand would keep that run, with its rows, as long as the plan.
  readonly #onPlanned = (bytes: number) => this.#count(bytes);

  /** The fragments that the operations of a document may spread. */
  fragmentsOf(document: DocumentNode): InfoFragments {
    let fragments = this.#fragments.get(document);
    if (!fragments) {
      fragments = fragmentsIn(document);
      this.#fragments.set(document, fragments);
    }
    return fragments;
  }

  /** The selection at the root of a run. @throws {GraphQLError} if a condition has no value. */
  rootOf(run: Execution, type: GraphQLObjectType): SelectionPlan {
    const { conditions, roots } = this.#planOf(run);
    const key = valuesOf(conditions, run);
    let root = roots.get(key);
    if (!root) {
      const isKept = roots.size < MAX_VARIANTS;
      const fields = collectFields(run, type, [run.operation.selectionSet]);
      root = planSelection(run, type, fields, isKept ? this.#onPlanned : notKept);
      if (isKept) {
        roots.set(key, root);
        this.#count(key.length);
      }
    }
    return root;
  }

  #planOf({ operation, fragments }: Execution): OperationPlan {
    let plan = this.#plans.get(operation);
    if (!plan) {
      plan = { conditions: conditionsIn(operation, fragments), roots: new Map() };
      this.#plans.set(operation, plan);
      this.#count(OPERATION_BYTES);
    }
    return plan;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= MAX_BYTES) return;
    this.#plans = new WeakMap();
    this.#bytes = 0;
  }
}

function notKept(): void {}

/** Equal for runs that select the same: a character for each condition, which is true, false or has no value. */
function valuesOf(conditions: readonly string[], { variables }: Execution): string {
  let values = '';
  for (const name of conditions) values += CHARACTERS.get(variables[name]) ?? '-';
  return values;
}

const CHARACTERS: ReadonlyMap<unknown, string> = new Map([
  [true, '1'],
  [false, '0'],
]);

function fragmentsIn(document: DocumentNode): InfoFragments {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}

/**
 * The variables in `@skip` and `@include` of an operation and of the fragments that it spreads. They are Boolean there:
 * another operation of the document may have a variable of the same name and of any type.
 */
function conditionsIn(operation: OperationDefinitionNode, fragments: InfoFragments): readonly string[] {
  const names = new Set<string>();
  const definitions = new Set<OperationDefinitionNode | FragmentDefinitionNode>([operation]);
  // Fragments that are found on the way are visited too.
  for (const definition of definitions) {
    visit(definition, {
      FragmentSpread: ({ name }) => {
        const fragment = fragments[name.value];
        if (fragment) definitions.add(fragment);
      },
      Directive: ({ name, arguments: args }) => {
        if (name.value !== 'skip' && name.value !== 'include') return;
        for (const { value } of args ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
      },
    });
  }
  return [...names];
}
