/** An external service, described by its interface. An adapter implements it. */
export interface Port<Promised = unknown> {
  readonly name: string;
  /** For the type alone. */
  readonly promised?: Promised;
}

/** Defines a port: `definePort<Mailer>('mailer')`. */
export function definePort<Promised>(name: string): Port<Promised> {
  return { name };
}

/** A port and its adapter. */
export interface PortBinding {
  readonly port: Port;
  readonly adapter: unknown;
}

/** Binds an adapter to a port. */
export function bindPort<Promised>(port: Port<Promised>, adapter: Promised): PortBinding {
  return { port, adapter };
}

/** The adapters of a server or worker, and how to release them. */
export interface ProvidedAdapters {
  readonly adapters: readonly PortBinding[];
  release(): Promise<void>;
}
