import {
  buildASTSchema,
  type DocumentNode,
  type EnumTypeDefinitionNode,
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
  type ObjectTypeDefinitionNode,
  parse,
  parseType,
  type TypeNode,
  visit,
} from 'graphql';

/**
 * The schema of a contract, with what its comments say of many types at once: that every connection has `nodes` and
 * `totalCount` and can be read in both directions, and the type of a field on a line such as `# Type.field: Other!`.
 */
export function contractOf(text: string): GraphQLSchema {
  const written = parse(text);
  const amended = new Map(
    [...text.matchAll(/^# (\w+\.\w+): (\w+!?)/gm)].map(([, field = '', type = '']) => [field, parseType(type)]),
  );
  const document: DocumentNode = visit(written, {
    ObjectTypeDefinition: (node) => {
      const fields = (node.fields ?? []).map((field) => {
        const type = amended.get(`${node.name.value}.${field.name.value}`) ?? field.type;
        const isList = nameOf(type).endsWith('Connection');
        return { ...field, type, arguments: [...(field.arguments ?? []), ...(isList ? missingIn(field) : [])] };
      });
      return { ...node, fields: [...fields, ...ofConnection(written, node)] };
    },
  });
  // The values of an enum that only a comment names are not checked.
  const named = new Set(written.definitions.flatMap((node) => ('name' in node ? [node.name?.value] : [])));
  const enums = [...amended.values()].filter((type) => !named.has(nameOf(type))).map(emptyEnum);
  return buildASTSchema({ ...document, definitions: [...document.definitions, ...enums] }, { assumeValid: true });
}

function emptyEnum(type: TypeNode): EnumTypeDefinitionNode {
  return { kind: Kind.ENUM_TYPE_DEFINITION, name: { kind: Kind.NAME, value: nameOf(type) }, values: [] };
}

/** The arguments of lists that a field does not write. */
function missingIn({ arguments: written = [] }: FieldDefinitionNode) {
  const all = parse('type T { f(first: Int, after: String, last: Int, before: String): T }');
  const [type] = all.definitions as [ObjectTypeDefinitionNode];
  const lists = type.fields?.[0]?.arguments ?? [];
  return lists.filter(({ name }) => !written.some((argument) => argument.name.value === name.value));
}

/** The fields of connections that a type does not write; none if it is no connection. */
function ofConnection({ definitions }: DocumentNode, { name, fields = [] }: ObjectTypeDefinitionNode) {
  if (!name.value.endsWith('Connection')) return [];
  const edge = name.value.replace(/Connection$/, 'Edge');
  const edgeType = definitions.find(
    (node): node is ObjectTypeDefinitionNode => node.kind === Kind.OBJECT_TYPE_DEFINITION && node.name.value === edge,
  );
  const node = edgeType?.fields?.find((field) => field.name.value === 'node');
  if (!node) throw new Error(`The contract has no ${edge} with a node.`);
  const more = parse(`type T { nodes: [${nameOf(node.type)}!]! totalCount: SafeInt! }`);
  const [type] = more.definitions as [ObjectTypeDefinitionNode];
  return (type.fields ?? []).filter((field) => !fields.some((each) => each.name.value === field.name.value));
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
}

/** The differences between the served schema and the contract, one line each. Additions are no difference. */
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
