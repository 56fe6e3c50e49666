import type { HttpClient, QueryOptions } from './http-client.ts';

export const NOTE_FIELDS = 'id title content tags workspaceId authorId archived version updatedAt stale';

export interface ShownNote {
  readonly id: string;
  readonly title: string;
  readonly content: string;
  readonly tags: readonly string[];
  readonly workspaceId: string;
  readonly authorId: string | null;
  readonly archived: boolean;
  readonly version: number;
  readonly updatedAt: string;
}

/** A note as it is at or after a token. */
export async function readNote(
  client: HttpClient,
  id: string,
  token: string,
  options: QueryOptions = {},
): Promise<ShownNote | null> {
  const query = `query ($id: ID!) { note(id: $id) { ${NOTE_FIELDS} } }`;
  const answer = await client.query<{ note: ShownNote | null }>(
    query,
    { id },
    { ...options, headers: { 'read-after': token } },
  );
  if (answer.errors) throw new Error(answer.text);
  return answer.data.note;
}
