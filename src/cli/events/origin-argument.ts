import { InvalidArgumentError } from 'commander';

/** The hash that identifies a log, as an option has it. */
export function originArgument(value: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(value)) throw new InvalidArgumentError('It is 64 hexadecimal digits.');
  return Buffer.from(value, 'hex');
}
