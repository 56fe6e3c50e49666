import { v5 as uuidv5 } from 'uuid';

/**
 * Ids of imported things are derived from their numbers in the file, so that the same row is the same thing each time.
 */
const NAMESPACE = '3f0c6a52-9d1b-5c58-8a55-6a6f3c1d7e02';

export function customerId(number: string): string {
  return uuidv5(`customer/${number}`, NAMESPACE);
}

export function productId(sku: string): string {
  return uuidv5(`product/${sku}`, NAMESPACE);
}

export function orderId(invoice: string): string {
  return uuidv5(`order/${invoice}`, NAMESPACE);
}

/**
 * The id of a command: a command that was accepted before is found in the log and takes effect once. It has the form of
 * an engine's id, so that no client can use it first.
 * @param occasion of the command, e.g. the invoice and the stock code.
 */
export function commandId(command: string, ...occasion: readonly (string | number)[]): string {
  return uuidv5(['command', command, ...occasion].join('/'), NAMESPACE);
}
