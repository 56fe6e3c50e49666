/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  subscription LiveCatalogue($search: String, $after: ConsistencyToken) {\n    live(after: $after) {\n      products(first: 24, filter: { search: $search }, sort: NAME_ASC) {\n        nodes {\n          id\n          name\n          sku\n          available\n          price {\n            amount\n            currency\n          }\n          version\n        }\n      }\n    }\n  }\n": typeof types.LiveCatalogueDocument,
    "\n  mutation PlaceOrder($input: PlaceOrderInput!, $commandId: ID) {\n    placeOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": typeof types.PlaceOrderDocument,
    "\n  mutation CancelOrder($input: CancelOrderInput!, $commandId: ID) {\n    cancelOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": typeof types.CancelOrderDocument,
    "\n  fragment OrderNow on Order {\n    id\n    status\n    placedAt\n    updatedAt\n    carrier\n    trackingNumber\n    cancellationReason\n    customer {\n      id\n      name\n      version\n    }\n    items {\n      quantity\n      lineTotal {\n        amount\n        currency\n      }\n      product {\n        id\n        name\n      }\n    }\n    total {\n      amount\n      currency\n    }\n    version\n  }\n": typeof types.OrderNowFragmentDoc,
    "\n  subscription LiveOrder($id: ID!, $after: ConsistencyToken) {\n    live(after: $after) {\n      order(id: $id) {\n        ...OrderNow\n      }\n      fulfilment(orderId: $id) {\n        id\n        ...FulfilmentProgress\n      }\n    }\n  }\n": typeof types.LiveOrderDocument,
    "\n  fragment OrderRow on Order {\n    id\n    status\n    itemCount\n    placedAt\n    total {\n      amount\n      currency\n    }\n    customer {\n      id\n      name\n      version\n    }\n    version\n  }\n": typeof types.OrderRowFragmentDoc,
    "\n  subscription LiveOrders(\n    $filter: OrderFilter\n    $first: Int\n    $afterCursor: String\n    $last: Int\n    $beforeCursor: String\n    $after: ConsistencyToken\n  ) {\n    live(after: $after) {\n      orders(filter: $filter, first: $first, after: $afterCursor, last: $last, before: $beforeCursor) {\n        totalCount\n        nodes {\n          ...OrderRow\n        }\n        pageInfo {\n          hasNextPage\n          hasPreviousPage\n          startCursor\n          endCursor\n        }\n      }\n    }\n  }\n": typeof types.LiveOrdersDocument,
    "\n  fragment FulfilmentProgress on Fulfilment {\n    state\n    failure\n    steps {\n      name\n      at\n    }\n  }\n": typeof types.FulfilmentProgressFragmentDoc,
    "\n  mutation ShipOrder($input: ShipOrderInput!, $id: ID!, $commandId: ID) {\n    shipOrder(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": typeof types.ShipOrderDocument,
    "\n  mutation ConfirmDelivery($input: OrderInput!, $id: ID!, $commandId: ID) {\n    confirmDelivery(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": typeof types.ConfirmDeliveryDocument,
    "\n  query OrderVersions($id: ID!) {\n    order(id: $id) {\n      id\n      versions(last: 20) {\n        nodes {\n          version\n          status\n          validFrom\n        }\n      }\n    }\n  }\n": typeof types.OrderVersionsDocument,
    "\n  query OrderAsOf($id: ID!, $version: Int!) {\n    orderAsOf(id: $id, version: $version) {\n      version\n      status\n      updatedAt\n      carrier\n      trackingNumber\n      cancellationReason\n      items {\n        quantity\n        lineTotal {\n          amount\n          currency\n        }\n        product {\n          id\n          name\n        }\n      }\n      total {\n        amount\n        currency\n      }\n    }\n  }\n": typeof types.OrderAsOfDocument,
};
const documents: Documents = {
    "\n  subscription LiveCatalogue($search: String, $after: ConsistencyToken) {\n    live(after: $after) {\n      products(first: 24, filter: { search: $search }, sort: NAME_ASC) {\n        nodes {\n          id\n          name\n          sku\n          available\n          price {\n            amount\n            currency\n          }\n          version\n        }\n      }\n    }\n  }\n": types.LiveCatalogueDocument,
    "\n  mutation PlaceOrder($input: PlaceOrderInput!, $commandId: ID) {\n    placeOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": types.PlaceOrderDocument,
    "\n  mutation CancelOrder($input: CancelOrderInput!, $commandId: ID) {\n    cancelOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": types.CancelOrderDocument,
    "\n  fragment OrderNow on Order {\n    id\n    status\n    placedAt\n    updatedAt\n    carrier\n    trackingNumber\n    cancellationReason\n    customer {\n      id\n      name\n      version\n    }\n    items {\n      quantity\n      lineTotal {\n        amount\n        currency\n      }\n      product {\n        id\n        name\n      }\n    }\n    total {\n      amount\n      currency\n    }\n    version\n  }\n": types.OrderNowFragmentDoc,
    "\n  subscription LiveOrder($id: ID!, $after: ConsistencyToken) {\n    live(after: $after) {\n      order(id: $id) {\n        ...OrderNow\n      }\n      fulfilment(orderId: $id) {\n        id\n        ...FulfilmentProgress\n      }\n    }\n  }\n": types.LiveOrderDocument,
    "\n  fragment OrderRow on Order {\n    id\n    status\n    itemCount\n    placedAt\n    total {\n      amount\n      currency\n    }\n    customer {\n      id\n      name\n      version\n    }\n    version\n  }\n": types.OrderRowFragmentDoc,
    "\n  subscription LiveOrders(\n    $filter: OrderFilter\n    $first: Int\n    $afterCursor: String\n    $last: Int\n    $beforeCursor: String\n    $after: ConsistencyToken\n  ) {\n    live(after: $after) {\n      orders(filter: $filter, first: $first, after: $afterCursor, last: $last, before: $beforeCursor) {\n        totalCount\n        nodes {\n          ...OrderRow\n        }\n        pageInfo {\n          hasNextPage\n          hasPreviousPage\n          startCursor\n          endCursor\n        }\n      }\n    }\n  }\n": types.LiveOrdersDocument,
    "\n  fragment FulfilmentProgress on Fulfilment {\n    state\n    failure\n    steps {\n      name\n      at\n    }\n  }\n": types.FulfilmentProgressFragmentDoc,
    "\n  mutation ShipOrder($input: ShipOrderInput!, $id: ID!, $commandId: ID) {\n    shipOrder(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": types.ShipOrderDocument,
    "\n  mutation ConfirmDelivery($input: OrderInput!, $id: ID!, $commandId: ID) {\n    confirmDelivery(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": types.ConfirmDeliveryDocument,
    "\n  query OrderVersions($id: ID!) {\n    order(id: $id) {\n      id\n      versions(last: 20) {\n        nodes {\n          version\n          status\n          validFrom\n        }\n      }\n    }\n  }\n": types.OrderVersionsDocument,
    "\n  query OrderAsOf($id: ID!, $version: Int!) {\n    orderAsOf(id: $id, version: $version) {\n      version\n      status\n      updatedAt\n      carrier\n      trackingNumber\n      cancellationReason\n      items {\n        quantity\n        lineTotal {\n          amount\n          currency\n        }\n        product {\n          id\n          name\n        }\n      }\n      total {\n        amount\n        currency\n      }\n    }\n  }\n": types.OrderAsOfDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription LiveCatalogue($search: String, $after: ConsistencyToken) {\n    live(after: $after) {\n      products(first: 24, filter: { search: $search }, sort: NAME_ASC) {\n        nodes {\n          id\n          name\n          sku\n          available\n          price {\n            amount\n            currency\n          }\n          version\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription LiveCatalogue($search: String, $after: ConsistencyToken) {\n    live(after: $after) {\n      products(first: 24, filter: { search: $search }, sort: NAME_ASC) {\n        nodes {\n          id\n          name\n          sku\n          available\n          price {\n            amount\n            currency\n          }\n          version\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PlaceOrder($input: PlaceOrderInput!, $commandId: ID) {\n    placeOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation PlaceOrder($input: PlaceOrderInput!, $commandId: ID) {\n    placeOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelOrder($input: CancelOrderInput!, $commandId: ID) {\n    cancelOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation CancelOrder($input: CancelOrderInput!, $commandId: ID) {\n    cancelOrder(input: $input, commandId: $commandId) {\n      __typename\n      ... on CommandReceipt {\n        commandId\n        aggregateId\n        version\n        token\n        replayed\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderNow on Order {\n    id\n    status\n    placedAt\n    updatedAt\n    carrier\n    trackingNumber\n    cancellationReason\n    customer {\n      id\n      name\n      version\n    }\n    items {\n      quantity\n      lineTotal {\n        amount\n        currency\n      }\n      product {\n        id\n        name\n      }\n    }\n    total {\n      amount\n      currency\n    }\n    version\n  }\n"): (typeof documents)["\n  fragment OrderNow on Order {\n    id\n    status\n    placedAt\n    updatedAt\n    carrier\n    trackingNumber\n    cancellationReason\n    customer {\n      id\n      name\n      version\n    }\n    items {\n      quantity\n      lineTotal {\n        amount\n        currency\n      }\n      product {\n        id\n        name\n      }\n    }\n    total {\n      amount\n      currency\n    }\n    version\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription LiveOrder($id: ID!, $after: ConsistencyToken) {\n    live(after: $after) {\n      order(id: $id) {\n        ...OrderNow\n      }\n      fulfilment(orderId: $id) {\n        id\n        ...FulfilmentProgress\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription LiveOrder($id: ID!, $after: ConsistencyToken) {\n    live(after: $after) {\n      order(id: $id) {\n        ...OrderNow\n      }\n      fulfilment(orderId: $id) {\n        id\n        ...FulfilmentProgress\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OrderRow on Order {\n    id\n    status\n    itemCount\n    placedAt\n    total {\n      amount\n      currency\n    }\n    customer {\n      id\n      name\n      version\n    }\n    version\n  }\n"): (typeof documents)["\n  fragment OrderRow on Order {\n    id\n    status\n    itemCount\n    placedAt\n    total {\n      amount\n      currency\n    }\n    customer {\n      id\n      name\n      version\n    }\n    version\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription LiveOrders(\n    $filter: OrderFilter\n    $first: Int\n    $afterCursor: String\n    $last: Int\n    $beforeCursor: String\n    $after: ConsistencyToken\n  ) {\n    live(after: $after) {\n      orders(filter: $filter, first: $first, after: $afterCursor, last: $last, before: $beforeCursor) {\n        totalCount\n        nodes {\n          ...OrderRow\n        }\n        pageInfo {\n          hasNextPage\n          hasPreviousPage\n          startCursor\n          endCursor\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription LiveOrders(\n    $filter: OrderFilter\n    $first: Int\n    $afterCursor: String\n    $last: Int\n    $beforeCursor: String\n    $after: ConsistencyToken\n  ) {\n    live(after: $after) {\n      orders(filter: $filter, first: $first, after: $afterCursor, last: $last, before: $beforeCursor) {\n        totalCount\n        nodes {\n          ...OrderRow\n        }\n        pageInfo {\n          hasNextPage\n          hasPreviousPage\n          startCursor\n          endCursor\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment FulfilmentProgress on Fulfilment {\n    state\n    failure\n    steps {\n      name\n      at\n    }\n  }\n"): (typeof documents)["\n  fragment FulfilmentProgress on Fulfilment {\n    state\n    failure\n    steps {\n      name\n      at\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ShipOrder($input: ShipOrderInput!, $id: ID!, $commandId: ID) {\n    shipOrder(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation ShipOrder($input: ShipOrderInput!, $id: ID!, $commandId: ID) {\n    shipOrder(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ConfirmDelivery($input: OrderInput!, $id: ID!, $commandId: ID) {\n    confirmDelivery(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation ConfirmDelivery($input: OrderInput!, $id: ID!, $commandId: ID) {\n    confirmDelivery(input: $input, commandId: $commandId) {\n      ... on CommandReceipt {\n        token\n        query {\n          order(id: $id) {\n            ...OrderNow\n          }\n        }\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query OrderVersions($id: ID!) {\n    order(id: $id) {\n      id\n      versions(last: 20) {\n        nodes {\n          version\n          status\n          validFrom\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query OrderVersions($id: ID!) {\n    order(id: $id) {\n      id\n      versions(last: 20) {\n        nodes {\n          version\n          status\n          validFrom\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query OrderAsOf($id: ID!, $version: Int!) {\n    orderAsOf(id: $id, version: $version) {\n      version\n      status\n      updatedAt\n      carrier\n      trackingNumber\n      cancellationReason\n      items {\n        quantity\n        lineTotal {\n          amount\n          currency\n        }\n        product {\n          id\n          name\n        }\n      }\n      total {\n        amount\n        currency\n      }\n    }\n  }\n"): (typeof documents)["\n  query OrderAsOf($id: ID!, $version: Int!) {\n    orderAsOf(id: $id, version: $version) {\n      version\n      status\n      updatedAt\n      carrier\n      trackingNumber\n      cancellationReason\n      items {\n        quantity\n        lineTotal {\n          amount\n          currency\n        }\n        product {\n          id\n          name\n        }\n      }\n      total {\n        amount\n        currency\n      }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;