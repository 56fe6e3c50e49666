import { useSyncExternalStore } from 'react';

let notice: string | undefined;
const listeners = new Set<() => void>();

/** Shows a sentence over the page, for something that a former view has asked for, until it is closed. */
export function announce(sentence: string | undefined): void {
  notice = sentence;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export function Notice() {
  const sentence = useSyncExternalStore(subscribe, () => notice);
  return (
    <div role="alert">
      {sentence && (
        <p className="notice">
          {sentence}
          <button type="button" onClick={() => announce(undefined)}>
            Close
          </button>
        </p>
      )}
    </div>
  );
}
