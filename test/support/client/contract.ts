import {
  buildASTSchema,
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLArgument,
  type GraphQLDirective,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
  Kind,
  parse,
  visit,
} from 'graphql';

/**
 * The part of a contract that some capabilities bring. Its comments say which: `# ---- [capability] title` begins a section,
 * `# [capability]` within a type holds until the type's end.
 */
export function partOfContract(text: string, capabilities: readonly string[]): GraphQLSchema {
  const capabilityOf = capabilitiesByLine(text);
  const isOurs = (node: { readonly loc?: { readonly startToken: { readonly line: number } } | undefined }) =>
    capabilities.includes(capabilityOf[node.loc?.startToken.line ?? 0] ?? '');
  const document: DocumentNode = visit(parse(text), {
    FieldDefinition: (node: FieldDefinitionNode) => (isOurs(node) ? undefined : null),
  });
  const definitions = document.definitions.filter((node: DefinitionNode) => isOurs(node));
  return buildASTSchema({ kind: Kind.DOCUMENT, definitions }, { assumeValid: true });
}

/** What the served schema lacks or has otherwise than the contract, a line each. It may have more. */
export function differences(contract: GraphQLSchema, served: GraphQLSchema): string[] {
  const types = Object.values(contract.getTypeMap()).filter(({ name }) => !name.startsWith('__'));
  const directives = contract.getDirectives().filter(({ astNode }) => astNode !== undefined && astNode !== null);
  return [
    ...types.flatMap((wanted) => {
      const found = served.getType(wanted.name);
      return found ? typeDifferences(wanted, found) : [`${wanted.name} is missing`];
    }),
    ...directives.flatMap((wanted) => directiveDifferences(wanted, served.getDirective(wanted.name) ?? undefined)),
  ];
}

function capabilitiesByLine(text: string): string[] {
  let section = '';
  let inner: string | undefined;
  // Lines are numbered from 1.
  return ['', ...text.split('\n')].map((line) => {
    const heading = /^#\s*-{10,}\s*\[(\w+)\]/.exec(line);
    if (heading) section = heading[1] ?? '';
    const mark = /^\s+#\s*\[(\w+)\]/.exec(line);
    if (mark) inner = mark[1];
    if (/^\}/.test(line)) inner = undefined;
    return inner ?? section;
  });
}

function typeDifferences(wanted: GraphQLNamedType, found: GraphQLNamedType): string[] {
  const { name } = wanted;
  if (wanted.constructor.name !== found.constructor.name) {
    return [`${name} is a ${found.constructor.name}, not a ${wanted.constructor.name}`];
  }
  if ((isObjectType(wanted) && isObjectType(found)) || (isInterfaceType(wanted) && isInterfaceType(found))) {
    const implemented = found.getInterfaces().map((type) => type.name);
    return [
      ...wanted
        .getInterfaces()
        .flatMap((type) => (implemented.includes(type.name) ? [] : [`${name} does not implement ${type.name}`])),
      ...Object.values(wanted.getFields()).flatMap((field) =>
        fieldDifferences(name, field, found.getFields()[field.name]),
      ),
    ];
  }
  if (isInputObjectType(wanted) && isInputObjectType(found)) {
    const optional = Object.values(found.getFields()).filter((field) => !wanted.getFields()[field.name]);
    return [
      ...Object.values(wanted.getFields()).flatMap((field) =>
        inputDifferences(name, field, found.getFields()[field.name]),
      ),
      ...optional.filter(isRequiredInputField).map((field) => `${name}.${field.name} is required beyond the contract`),
    ];
  }
  if (isEnumType(wanted) && isEnumType(found)) {
    return wanted
      .getValues()
      .flatMap((value) => (found.getValue(value.name) ? [] : [`${name}.${value.name} is missing`]));
  }
  if (isUnionType(wanted) && isUnionType(found)) {
    const members = found.getTypes().map((type) => type.name);
    return wanted.getTypes().flatMap((type) => (members.includes(type.name) ? [] : [`${name} lacks ${type.name}`]));
  }
  return [];
}

type Field = GraphQLField<unknown, unknown>;

function fieldDifferences(owner: string, wanted: Field, found: Field | undefined): string[] {
  const name = `${owner}.${wanted.name}`;
  if (!found) return [`${name} is missing`];
  const type = String(wanted.type) === String(found.type) ? [] : [`${name} is ${found.type}, not ${wanted.type}`];
  return [...type, ...argumentDifferences(name, wanted.args, found.args)];
}

function argumentDifferences(
  owner: string,
  wanted: readonly GraphQLArgument[],
  found: readonly GraphQLArgument[],
): string[] {
  const more = found.filter((argument) => !wanted.some(({ name }) => name === argument.name));
  return [
    ...wanted.flatMap((argument) =>
      inputDifferences(
        owner,
        argument,
        found.find(({ name }) => name === argument.name),
      ),
    ),
    ...more.filter(isRequiredArgument).map((argument) => `${owner}.${argument.name} is required beyond the contract`),
  ];
}

type Input = GraphQLArgument | GraphQLInputField;

function inputDifferences(owner: string, wanted: Input, found: Input | undefined): string[] {
  const name = `${owner}.${wanted.name}`;
  if (!found) return [`${name} is missing`];
  return String(wanted.type) === String(found.type) ? [] : [`${name} is ${found.type}, not ${wanted.type}`];
}

function directiveDifferences(wanted: GraphQLDirective, found: GraphQLDirective | undefined): string[] {
  const name = `@${wanted.name}`;
  if (!found) return [`${name} is missing`];
  return [
    ...(wanted.isRepeatable && !found.isRepeatable ? [`${name} is not repeatable`] : []),
    ...wanted.locations.flatMap((location) =>
      found.locations.includes(location) ? [] : [`${name} is not on ${location}`],
    ),
    ...argumentDifferences(name, wanted.args, found.args),
  ];
}
