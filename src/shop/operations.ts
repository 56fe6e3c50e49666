/** Folder of the documents that GraphiQL opens with and the demo plays. */
export const operations = new URL('../../schema/operations/', import.meta.url);
