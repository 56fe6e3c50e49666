interface ImportMetaEnv {
  /** The address of the API. */
  readonly VITE_API_URL: string;
}
