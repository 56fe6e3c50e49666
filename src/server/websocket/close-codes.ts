/** The server stops: clients reconnect to another one. */
export const GOING_AWAY = 1001;
/** A client may try again: graphql-ws does so after a growing pause. */
export const TRY_AGAIN_LATER = 1013;
