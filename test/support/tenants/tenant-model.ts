import { expect } from 'vitest';

/** What one tenant has written, and must read. */
export class TenantModel {
  readonly customers = new Map<string, { readonly name: string; readonly version: number }>();
  readonly #name: string;
  readonly #others: readonly string[];
  #names = 0;
  /** Of the last receipt. */
  token: string | undefined;

  /** @param all the names of all tenants. None is part of another. */
  constructor(name: string, all: readonly string[]) {
    this.#name = name;
    this.#others = all.filter((other) => other !== name);
  }

  /** A name for a customer that says whose it is. */
  nextName(): string {
    this.#names++;
    return `${this.#name}-${this.#names}.`;
  }

  /** A command was accepted that gave the customer this name. */
  accepted(id: string, name: string, { version, token }: { readonly version: number; readonly token: string }): void {
    this.customers.set(id, { name, version });
    this.token = token;
  }

  /** Fails if the text has anything of another tenant. */
  expectOwn(text: string): void {
    expect(this.#others.filter((other) => text.includes(other))).toEqual([]);
  }
}
