import { defineRoles } from 'afterwrite';

export const roles = defineRoles({
  member: { description: 'Borrows books.' },
  librarian: { description: 'Lends books and takes them back.', power: 'everything' },
});

declare module 'afterwrite' {
  interface AppTypes {
    readonly role: keyof typeof roles;
  }
}
