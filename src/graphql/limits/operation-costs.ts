import { type DocumentNode, type GraphQLError, Kind, type OperationDefinitionNode } from 'graphql';
import type { OperationMeter } from './operation-meter.ts';
import type { VariableSizes } from './operation-walk.ts';
import { elementsIn } from './variables.ts';

/** Maximum number of sizes of variables that are remembered for each operation. Clients use few page sizes. */
const MAX_REMEMBERED = 100;

/** The cost of an operation, and why it may not be executed. */
export interface OperationCost {
  /** In points, see {@link OperationMeter}. */
  readonly cost: number;
  readonly refused: GraphQLError | undefined;
}

interface KnownCost {
  readonly cost: number;
  /** Variables on which the cost depends. */
  readonly variables: readonly string[];
  /** Costs by the sizes of these variables. */
  readonly bySizes: Map<string, OperationCost>;
}

/** Remembers what operations cost: most are executed repeatedly. */
export class OperationCosts {
  readonly #meter: OperationMeter;
  readonly #known = new WeakMap<OperationDefinitionNode, KnownCost>();

  constructor(meter: OperationMeter) {
    this.#meter = meter;
  }

  /** Why a document may not be validated, or undefined. */
  refuse(document: DocumentNode): GraphQLError | undefined {
    return this.#meter.refuse(document, (operation, { cost, variables }) =>
      this.#known.set(operation, { cost, variables: [...variables], bySizes: new Map() }),
    );
  }

  /** The cost of an operation of a valid document. */
  of(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>>,
  ): OperationCost {
    const known = this.#known.get(operation);
    if (!known) return { cost: 0, refused: undefined };
    if (known.variables.length === 0) return { cost: known.cost, refused: undefined };
    return this.#withVariables(document, operation, known, sizesOf(operation, variables));
  }

  #withVariables(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    { variables, bySizes }: KnownCost,
    sizes: VariableSizes,
  ): OperationCost {
    const asked = variables.map((name) => `${sizes.page(name)} ${sizes.elements(name)}`).join();
    const remembered = bySizes.get(asked);
    if (remembered !== undefined) return remembered;
    const cost = this.#meter.costOf(document, operation, sizes);
    const found = { cost, refused: this.#meter.refuseCost(document, operation, sizes, cost) };
    if (bySizes.size < MAX_REMEMBERED) bySizes.set(asked, found);
    return found;
  }
}

function sizesOf(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): VariableSizes {
  const byDefault = (name: string) =>
    operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  return {
    page: (name) => {
      const value = variables[name];
      const literal = value === undefined ? byDefault(name) : undefined;
      if (literal?.kind === Kind.INT) return Number(literal.value);
      return Number.isInteger(value) ? (value as number) : undefined;
    },
    elements: (name) => elementsIn(variables[name]),
  };
}
