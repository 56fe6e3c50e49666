import { type DocumentNode, type GraphQLError, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql';
import { CostBreakdown } from './cost-breakdown.ts';
import { refusal } from './document.ts';
import { type Measure, OperationRefusedError, OperationWalk, type VariableSizes } from './operation-walk.ts';
import { introspectionSizes } from './sizes.ts';

export interface OperationLimits {
  /** Levels of nested fields; introspection is not counted. */
  readonly depth: number;
  /** Aliases, those in fragments counted for each spread. */
  readonly aliases: number;
  /** Fields, fragments and spreads after fragments are expanded, of all operations of a document together. */
  readonly selections: number;
  /** Points: see {@link OperationMeter}. */
  readonly cost: number;
}

const NO_SIZES: VariableSizes = { page: () => undefined, elements: () => 0 };

/**
 * Measures the operations of a document in one walk over their selections, before they are validated: types and fields
 * need not exist. The walk ends as soon as it has seen more selections than allowed, so its time is bounded.
 *
 * Cost, in points: one for a value, two for an object, more for a row or value that may be large, and one for each
 * element of a list that is given as an argument; all multiplied by the sizes of the lists around it. The size of a
 * list is what `first` or `last` asks for, or what its field declares, or the number of elements given to its field, or
 * {@link DEFAULT_LIST_SIZE}.
 */
export class OperationMeter {
  readonly #schema: GraphQLSchema;
  readonly #limits: OperationLimits;
  readonly #introspection: ReadonlyMap<string, number>;

  constructor(schema: GraphQLSchema, limits: OperationLimits) {
    this.#schema = schema;
    this.#limits = limits;
    this.#introspection = introspectionSizes(schema);
  }

  /**
   * Why a document may not be validated, or undefined. Operations whose cost depends on variables are not judged by it.
   * @param measured called with each operation.
   */
  refuse(
    document: DocumentNode,
    measured: (operation: OperationDefinitionNode, measure: Measure) => void,
  ): GraphQLError | undefined {
    const walk = this.#walk(document, NO_SIZES);
    try {
      for (const definition of document.definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        const measure = walk.operation(definition);
        measured(definition, measure);
        const refused = this.#compare(document, definition, measure);
        if (refused) return refused;
      }
      walk.unusedFragments();
    } catch (error) {
      if (error instanceof OperationRefusedError) return error.error;
      throw error;
    }
    return undefined;
  }

  /** The cost of an operation with these variables. */
  costOf(document: DocumentNode, operation: OperationDefinitionNode, sizes: VariableSizes): number {
    return this.#walk(document, sizes).operation(operation).cost;
  }

  /**
   * Why an operation of this cost may not be executed, or undefined. The error names the selection that costs most.
   * @param sizes with which the operation has this cost.
   */
  refuseCost(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    sizes: VariableSizes,
    cost: number,
  ): GraphQLError | undefined {
    const { cost: limit } = this.#limits;
    if (cost <= limit) return undefined;
    const breakdown = new CostBreakdown();
    this.#walk(document, sizes, breakdown).operation(operation);
    const heaviest = breakdown.heaviest();
    const advice = heaviest
      ? `Leave out ${heaviest.path}, which costs ${heaviest.cost} of it, or ask for smaller pages.`
      : 'Ask for smaller pages or fewer fields.';
    const found = Math.ceil(cost);
    return refusal(`Query Cost limit of ${limit} exceeded, found ${found}. ${advice}`, {
      limit,
      cost: found,
      heaviest,
    });
  }

  #walk(document: DocumentNode, sizes: VariableSizes, breakdown?: CostBreakdown): OperationWalk {
    const { selections } = this.#limits;
    return new OperationWalk(this.#schema, document, sizes, this.#introspection, selections, breakdown);
  }

  #compare(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    { depth, aliases, cost, variables }: Measure,
  ): GraphQLError | undefined {
    const limits = this.#limits;
    if (depth > limits.depth) return refusal(`Query depth limit of ${limits.depth} exceeded, found ${depth}.`);
    if (aliases > limits.aliases) return refusal(`Aliases limit of ${limits.aliases} exceeded, found ${aliases}.`);
    return variables.size === 0 ? this.refuseCost(document, operation, NO_SIZES, cost) : undefined;
  }
}
