import { InvalidArgumentError } from 'commander';

/** A position of the log, from 1 on. */
export function positionArgument(value: string): number {
  const position = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(position) || position < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  }
  return position;
}
