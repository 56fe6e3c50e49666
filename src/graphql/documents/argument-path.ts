import { type ASTNode, BREAK, type DocumentNode, Kind, visit } from 'graphql';

/** Longest name in a path: the client chooses aliases. */
const MAX_NAME = 40;

type PathParts = readonly (string | number)[];

/**
 * Where a value of a document is given: the fields around it as the answer names them, the argument, and the fields and
 * indexes within the argument, such as `orders`, `filter`, `status`, 0. Within a fragment the path begins with the
 * fragment's type, and for the default of a variable with the variable.
 *
 * @returns undefined if the node is no value that is given to an argument or a variable.
 */
export function argumentPath(document: DocumentNode, value: ASTNode): PathParts | undefined {
  let keys: PathParts | undefined;
  visit(document, {
    enter: (node, _key, _parent, path) => {
      if (node !== value) return undefined;
      keys = [...path];
      return BREAK;
    },
  });
  if (!keys) return undefined;
  const parts: (string | number)[] = [];
  let at: unknown = document;
  let node: ASTNode = document;
  let isGiven = false;
  for (const key of keys) {
    at = (at as Record<string | number, unknown>)[key];
    if (Array.isArray(at)) continue;
    if (node.kind === Kind.LIST && typeof key === 'number') parts.push(key);
    node = at as ASTNode;
    isGiven ||= node.kind === Kind.ARGUMENT || node.kind === Kind.VARIABLE_DEFINITION;
    const name = nameIn(node);
    if (name !== undefined) parts.push(name.slice(0, MAX_NAME));
  }
  return isGiven ? parts : undefined;
}

/** The part of the path that a node stands for, if any. */
function nameIn(node: ASTNode): string | undefined {
  switch (node.kind) {
    case Kind.FIELD:
      return node.alias?.value ?? node.name.value;
    case Kind.ARGUMENT:
    case Kind.OBJECT_FIELD:
      return node.name.value;
    case Kind.DIRECTIVE:
      return `@${node.name.value}`;
    case Kind.VARIABLE_DEFINITION:
      return `$${node.variable.name.value}`;
    case Kind.FRAGMENT_DEFINITION:
      return node.typeCondition.name.value;
    default:
      return undefined;
  }
}
