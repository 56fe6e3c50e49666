import { defineSubject } from '../../index.ts';

/**
 * Everybody whose data the shop has, by the id with which they are signed in: who orders, writes notes or articles, or owns an account.
 * It is one person whatever they do, so they are forgotten as one.
 */
export const customer = defineSubject('customer');
