/** A selection and what it costs. */
export interface CostedSelection {
  /** The path of its field, such as `orders.nodes.items`. */
  readonly path: string;
  /** In points, for all elements of the lists around it. */
  readonly cost: number;
}

interface MeasuredField {
  readonly name: string;
  /** For one element of the lists around it. */
  cost: number;
  /** How often everything inside counts. */
  size: number;
  readonly inside: MeasuredField[];
}

/** Longest name that is quoted: the client chooses names. */
const MAX_NAME = 40;

/** The costs of the fields of one operation, so that an error can name those to leave out. */
export class CostBreakdown {
  readonly #root: MeasuredField = fieldNamed('');
  readonly #open: MeasuredField[] = [this.#root];

  /** A field begins. Fields that begin before `leave` is called are inside of it. */
  enter(name: string): void {
    const field = fieldNamed(name);
    this.#open.at(-1)?.inside.push(field);
    this.#open.push(field);
  }

  leave(cost: number, size: number): void {
    const field = this.#open.pop();
    if (field) Object.assign(field, { cost, size });
  }

  /** The innermost selection that makes up at least half of the cost, or else the root field that costs most. */
  heaviest(): CostedSelection | undefined {
    const total = this.#root.inside.reduce((sum, { cost }) => sum + cost, 0);
    const names: string[] = [];
    let found: CostedSelection | undefined;
    let [field, times] = [this.#root, 1];
    while (field.inside.length > 0) {
      times *= field.size;
      field = field.inside.reduce((most, each) => (each.cost > most.cost ? each : most));
      const cost = field.cost * times;
      if (found && cost < total / 2) break;
      names.push(field.name.slice(0, MAX_NAME));
      found = { path: names.join('.'), cost: Math.ceil(cost) };
    }
    return found;
  }
}

function fieldNamed(name: string): MeasuredField {
  return { name, cost: 0, size: 1, inside: [] };
}
