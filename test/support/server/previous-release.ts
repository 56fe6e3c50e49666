/**
 * The commit that stands for the release before: the first one that can be started on a database of a newer release and
 * reads its tokens. With each release, it becomes the commit of the one before.
 */
export const PREVIOUS_RELEASE = 'b43d283d08ce0c0df08ad09e88982f1b1b65db2b';
