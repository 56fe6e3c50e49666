/** User and password of a URL, up to the last @ of its authority. */
const USER_INFO = /\b([a-z][a-z\d+.-]{0,30}:\/\/)[^\s/?#"'`\\<>]*@/gi;

/** Parameters of a URL that are credentials, by their names. */
const SECRET_PARAMETER =
  /([?&](?:[^=&\s"'`\\]{0,60}[_.-])?(?:password|passwd|pass|pwd|sslpassword|secret|clientsecret|token|apikey|key|sig|signature|credential|auth)=)[^&#\s"'`\\]+/gi;

/**
 * Removes the credentials from URLs in a text: `postgres://ada:secret@db/shop?password=x` becomes
 * `postgres://***@db/shop?password=***`. Use it for everything that shows a URL to people: messages, logs, `config`.
 */
export function withoutCredentials(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(USER_INFO, '$1***@').replace(SECRET_PARAMETER, '$1***');
}
