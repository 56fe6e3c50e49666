import { type GraphQLOutputType, getNullableType, isLeafType, isListType } from 'graphql';
import { approximateBytes } from '../../kernel/bytes.ts';
import { jsonLength } from '../answer/json-length.ts';
import { depthOf, elementsOf, isIterable } from './elements.ts';
import type { Charge } from './types.ts';

/** How values of a type are charged. Numbers and objects are included in the cost of their field. */
export function chargeOf(type: GraphQLOutputType): Charge | undefined {
  const nullable = getNullableType(type);
  if (isListType(nullable))
    return isLeafType(getNullableType(nullable.ofType)) ? chargeLeaves : chargeElements(depthOf(type));
  return isLeafType(nullable) ? chargeLeaf : undefined;
}

const chargeLeaf: Charge = (value, budget, info) => {
  if (typeof value === 'string') {
    if (!budget.take(jsonLength(value))) budget.refuse(info().path);
  } else if (typeof value === 'object' && value !== null) {
    if (!budget.take(approximateBytes(value))) budget.refuse(info().path);
  }
  return value;
};

const chargeLeaves: Charge = (value, budget, info) => {
  if (!isIterable(value)) return value;
  const leaves = elementsOf(value, 1);
  budget.list(leaves.length, info().path);
  for (const leaf of leaves) chargeLeaf(leaf, budget, info);
  return leaves;
};

const chargeElements =
  (depth: number): Charge =>
  (value, budget, info) =>
    isIterable(value) ? budget.elements(elementsOf(value, depth), info()) : value;
