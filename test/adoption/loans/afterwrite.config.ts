import { defineApp, defineSetting, settingValue } from 'afterwrite';
import { loansDomain } from './domains/loans/index.ts';
import { roles } from './roles.ts';

export default defineApp({
  name: 'loans',
  roles,
  developerRoles: ['librarian'],
  domains: [loansDomain],
  settings: {
    loanDays: defineSetting('LOAN_DAYS', 'Days for which a book is lent.', settingValue.wholeNumber(1, 365), {
      default: '28',
    }),
  },
});
