/** Something outside of the application, known by what it promises. An adapter keeps the promise. */
export interface Port<Promised = unknown> {
  readonly name: string;
  /** For the type alone. */
  readonly promised?: Promised;
}

/** Defines a port: `definePort<Mailer>('mailer')`. */
export function definePort<Promised>(name: string): Port<Promised> {
  return { name };
}

/** A port and the adapter that stands behind it. */
export interface PortBinding {
  readonly port: Port;
  readonly adapter: unknown;
}

/** Says which adapter stands behind a port. */
export function bindPort<Promised>(port: Port<Promised>, adapter: Promised): PortBinding {
  return { port, adapter };
}

/** The adapters that a server or worker uses, and how to give them up. */
export interface ProvidedAdapters {
  readonly adapters: readonly PortBinding[];
  release(): Promise<void>;
}
