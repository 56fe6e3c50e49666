/** The values of the placeholders in documents, from one played document to the next. */
export class Placeholders {
  /**
   * @param known from earlier documents.
   * @param newId makes a UUID.
   */
  constructor(known: Readonly<Record<string, string>>, newId: () => string);

  /** All that is known, to be kept until the page is opened again. */
  get known(): Readonly<Record<string, string>>;

  /** Notes the consistency token of a command's answer. */
  sawToken(token: string): void;

  /**
   * The variables with values instead of placeholders. `{{new order}}` is a new id, the same wherever it is in these
   * variables, which is `{{order}}` in others. `{{token}}` is the token of the last command.
   * @throws {Error} if nothing has been played yet that a placeholder stands for.
   */
  fill(variables: Readonly<Record<string, unknown>>): Record<string, unknown>;
}
