// Runs in the browser and in Node: fills in what the variables of a document leave open.

/** `{{new order}}`, `{{order}}` or `{{token}}`, as a whole value. */
const PLACEHOLDER = /^\{\{(new )?([\w-]+)\}\}$/;

/** The name of the token of the last command. */
const TOKEN = 'token';

/** What the placeholders of documents stand for, from one document that is played to the next. */
export class Placeholders {
  #known;
  #newId;

  /**
   * @param {Readonly<Record<string, string>>} known from earlier documents.
   * @param {() => string} newId makes a UUID.
   */
  constructor(known, newId) {
    this.#known = { ...known };
    this.#newId = newId;
  }

  /** All that is known, to be kept until the page is opened again. */
  get known() {
    return this.#known;
  }

  /** Notes the consistency token of a command's answer. */
  sawToken(token) {
    this.#known[TOKEN] = token;
  }

  /**
   * The variables with values instead of placeholders. `{{new order}}` is a new id, the same wherever it is in these
   * variables, which is `{{order}}` in others. `{{token}}` is the token of the last command.
   * @throws {Error} if nothing has been played yet that a placeholder stands for.
   */
  fill(variables) {
    const made = {};
    const standsFor = (isNew, name) => {
      if (isNew) {
        made[name] ??= this.#newId();
        return made[name];
      }
      const value = made[name] ?? this.#known[name];
      if (value !== undefined) return value;
      throw new Error(`Nothing is known of {{${name}}} yet: first play the documents before this one.`);
    };
    const filled = mapTexts(variables, (text) => {
      const [, isNew, name] = PLACEHOLDER.exec(text) ?? [];
      return name === undefined ? text : standsFor(isNew !== undefined, name);
    });
    Object.assign(this.#known, made);
    return filled;
  }
}

/** The same JSON with each of its texts replaced. */
function mapTexts(value, replace) {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((element) => mapTexts(element, replace));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, mapTexts(of, replace)]));
}
