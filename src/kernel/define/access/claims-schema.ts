import type { z } from 'zod';

/** The claims of access tokens that an application uses, by their names at the top of the token. */
export type ClaimsSchema = z.ZodObject;
