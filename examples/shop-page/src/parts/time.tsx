const inFull = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const ofToday = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** An instant, in the time zone of the reader: of today only the time. */
export function Time({ at }: { readonly at: string }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return (
    <time dateTime={at} title={inFull.format(date)}>
      {(isToday ? ofToday : inFull).format(date)}
    </time>
  );
}
