/** Somebody who can sign in. */
export interface Person {
  /** The id of a customer is that of who is signed in. */
  readonly id: string;
  readonly name: string;
  readonly role: 'customer' | 'staff';
}

/** Who can sign in while the page is developed. */
export const PEOPLE: readonly Person[] = [
  { id: '5f0d6a52-7a0b-4c1e-9d1c-0b8f3a6c1001', name: 'Ada', role: 'customer' },
  { id: '5f0d6a52-7a0b-4c1e-9d1c-0b8f3a6c1002', name: 'Grace', role: 'customer' },
  { id: 'sam', name: 'Sam', role: 'staff' },
];
