/**
 * The commit that stands for the release before: the first one that can be started on a database of a newer release. With
 * each release, it becomes the commit of the one before.
 */
export const PREVIOUS_RELEASE = 'e2f09581f80e10c1fb17b0514c05b87090bd213f';
