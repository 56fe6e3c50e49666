import { PEOPLE, type Person } from './people.ts';

const KEY = 'signed in as';

/** Who has signed in, in this tab: a customer in one tab and the staff in another can watch each other. */
export class Session {
  person: Person | undefined = PEOPLE.find(({ id }) => id === sessionStorage.getItem(KEY));
  #token: string | undefined;
  #listeners = new Set<() => void>();

  /** The access token to send. @param rejected the one that the server refuses, for example because it has expired. */
  async accessToken(rejected?: string): Promise<string | undefined> {
    if (!this.person) return undefined;
    if (this.#token === undefined || this.#token === rejected) this.#token = await request(this.person);
    return this.#token;
  }

  become(person: Person | undefined): void {
    this.person = person;
    this.#token = undefined;
    if (person) sessionStorage.setItem(KEY, person.id);
    else sessionStorage.removeItem(KEY);
    for (const listener of this.#listeners) listener();
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
}

async function request({ id }: Person): Promise<string> {
  const response = await fetch(`/sign-in?as=${id}`, { method: 'POST' });
  if (!response.ok)
    throw new Error(`The page cannot sign anybody in: ${response.status}. Start it with npm run example.`);
  return response.text();
}
