import { type FragmentDefinitionNode, type SelectionSetNode, visit } from 'graphql';
import type { FragmentsByName } from './root-fields.ts';

/** What a selection needs besides itself. */
export interface Parts {
  /** In the order of their names. */
  readonly fragments: readonly FragmentDefinitionNode[];
  /** Names of variables. */
  readonly variables: ReadonlySet<string>;
}

/** The fragments and variables that a selection uses, directly or through fragments. */
export function partsOf(selectionSet: SelectionSetNode, fragments: FragmentsByName): Parts {
  const used = new Set<FragmentDefinitionNode>();
  const variables = new Set<string>();
  const look = (node: SelectionSetNode | FragmentDefinitionNode) =>
    visit(node, {
      Variable: ({ name }) => void variables.add(name.value),
      FragmentSpread: ({ name }) => {
        const fragment = fragments.get(name.value);
        if (!fragment || used.has(fragment)) return;
        used.add(fragment);
        look(fragment);
      },
    });
  look(selectionSet);
  return { fragments: [...used].sort((a, b) => (a.name.value < b.name.value ? -1 : 1)), variables };
}

/** The values of these variables, of those that a client sent. A variable that it did not send is left out. */
export function valuesOf(
  variables: readonly string[],
  sent: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(variables.filter((name) => Object.hasOwn(sent, name)).map((name) => [name, sent[name]]));
}
