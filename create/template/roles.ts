import { defineRoles } from 'afterwrite';

/** Who callers can be: access tokens list these names in their claim `roles`. */
export const roles = defineRoles({
  user: { description: 'Works with tasks.' },
  admin: { description: 'May do everything.', power: 'everything' },
});

// The compiler checks the names of roles in the rules of domains.
declare module 'afterwrite' {
  interface AppTypes {
    readonly role: keyof typeof roles;
  }
}
