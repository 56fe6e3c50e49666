import { defineRoles } from '../index.ts';

/** Who may come to the shop. */
export const roles = defineRoles({
  customer: { description: 'Buys and writes; sees and changes what is theirs.' },
  staff: { description: 'Works in the shop; may do what its commands let staff do.', power: 'observe' },
  admin: { description: 'Runs the shop and its servers.', power: 'everything' },
});

declare module '../index.ts' {
  interface AppTypes {
    readonly role: keyof typeof roles;
  }
}
