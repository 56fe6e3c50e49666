import {
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';

const CONDITIONS = ['skip', 'include'];

/**
 * Refuses `@skip` and `@include` on the root field of a subscription, as the GraphQL specification of September 2025 does.
 * Without a root field graphql-js 16 fails with a TypeError.
 */
export function useSubscriptionRoot(): Plugin {
  return { onValidate: ({ addValidationRule }) => addValidationRule(unconditionalRoot) };
}

function unconditionalRoot(context: ValidationContext) {
  return {
    OperationDefinition: ({
      operation,
      selectionSet,
    }: {
      operation: OperationTypeNode;
      selectionSet: SelectionSetNode;
    }) => {
      if (operation !== OperationTypeNode.SUBSCRIPTION) return;
      for (const selection of rootSelections(selectionSet, context, new Set())) {
        const condition = selection.directives?.find(({ name }) => CONDITIONS.includes(name.value));
        if (!condition) continue;
        const message = `A subscription always has its root field: leave @${condition.name.value} out there, and subscribe only if you need it.`;
        context.reportError(new GraphQLError(message, { nodes: condition }));
      }
    },
  };
}

/** The selections at the root, including those in fragments. */
function* rootSelections(
  { selections }: SelectionSetNode,
  context: ValidationContext,
  seen: Set<FragmentDefinitionNode>,
): Generator<SelectionNode> {
  for (const selection of selections) {
    yield selection;
    if (selection.kind === Kind.INLINE_FRAGMENT) yield* rootSelections(selection.selectionSet, context, seen);
    if (selection.kind !== Kind.FRAGMENT_SPREAD) continue;
    const fragment = context.getFragment(selection.name.value);
    if (!fragment || seen.has(fragment)) continue;
    seen.add(fragment);
    yield* rootSelections(fragment.selectionSet, context, seen);
  }
}
