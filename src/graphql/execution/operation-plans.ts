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

/** Most fields that are kept planned: about 20 MB. */
const MAX_FIELDS = 50_000;

interface OperationPlan {
  readonly fragments: InfoFragments;
  /** The variables on which it depends what is selected. */
  readonly conditions: readonly string[];
  /** The selections at the root, by the values of the conditions. */
  readonly roots: Map<string, SelectionPlan>;
}

/** The plans of operations of one schema. They are kept as long as their documents, and as there is room. */
export class OperationPlans {
  #plans = new WeakMap<OperationDefinitionNode, OperationPlan>();
  #fields = 0;

  /** The fragments that the operation may spread. */
  fragmentsFor(operation: OperationDefinitionNode, document: DocumentNode): InfoFragments {
    return this.#planOf(operation, document).fragments;
  }

  /** The selection at the root of a run. @throws {GraphQLError} if a condition has no value. */
  rootOf(run: Execution, document: DocumentNode, type: GraphQLObjectType): SelectionPlan {
    const { conditions, roots } = this.#planOf(run.operation, document);
    const key = conditions.map((name) => run.variables[name]).join();
    let root = roots.get(key);
    if (!root) {
      const fields = collectFields(run, type, [run.operation.selectionSet]);
      root = planSelection(run, type, fields, (count) => this.#count(count));
      roots.set(key, root);
    }
    return root;
  }

  #planOf(operation: OperationDefinitionNode, document: DocumentNode): OperationPlan {
    let plan = this.#plans.get(operation);
    if (!plan) {
      plan = { fragments: fragmentsIn(document), conditions: conditionsIn(document), roots: new Map() };
      this.#plans.set(operation, plan);
    }
    return plan;
  }

  /** An empty selection takes room too. */
  #count(fields: number): void {
    this.#fields += fields + 1;
    if (this.#fields <= MAX_FIELDS) return;
    this.#plans = new WeakMap();
    this.#fields = 0;
  }
}

function fragmentsIn(document: DocumentNode): InfoFragments {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}

/** The variables in `@skip` and `@include`, of all operations of a document. */
function conditionsIn(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive: ({ name, arguments: args }) => {
      if (name.value !== 'skip' && name.value !== 'include') return;
      for (const { value } of args ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}
