import type postgres from 'postgres';

/** A way to ask one server. */
export type Ask = <Row extends object>(statement: string) => Promise<Row[]>;

/** A place in which a value was found. */
export interface Found {
  readonly where: string;
  readonly value: string;
}

/** The forms in which a text could be stored: as it is in any case, in base64 at each of its three offsets, and in hex. */
export function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    // The ends depend on what is beside the value.
    return text.slice(offset === 0 ? 0 : 4, -4).toLowerCase();
  });
  return [value.toLowerCase(), bytes.toString('hex'), ...base64.filter((text) => text.length >= 8)];
}

/** Searches every column of every table of a database for these values, in any form. */
export async function findInDatabase(ask: Ask, values: readonly string[]): Promise<Found[]> {
  try {
    return await searchTables(ask, values);
  } catch (error) {
    // A read model that was made again has replaced a table since the tables were listed.
    if ((error as { code?: unknown }).code !== '42P01') throw error;
    return findInDatabase(ask, values);
  }
}

async function searchTables(ask: Ask, values: readonly string[]): Promise<Found[]> {
  const tables = await ask<{ name: string }>(`
    select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'p', 'm') and nspname not in ('pg_catalog', 'information_schema') and nspname not like 'pg_t%'
    order by 1`);
  const forms = values.flatMap((value) => formsOf(value).map((form) => ({ value, form })));
  const found: Found[] = [];
  for (const { name } of tables) {
    const list = forms.map(({ form }) => `('${form.replaceAll("'", "''")}')`).join(', ');
    const rows = await ask<{ form: string }>(
      `select distinct f.form from (values ${list}) f(form) where exists (
         select from ${name} t where position(f.form in lower(t::text)) > 0)`,
    );
    for (const { form } of rows) {
      found.push({ where: name, value: forms.find((each) => each.form === form)?.value ?? form });
    }
  }
  return found;
}

/** Searches a text, such as a dump. */
export function findInText(text: string, values: readonly string[]): string[] {
  const lower = text.toLowerCase();
  return values.filter((value) => formsOf(value).some((form) => lower.includes(form)));
}

/** A row of a read table, by the names of its columns. */
export type ReadRow = Readonly<Record<string, unknown>>;

/** All rows of all read models, by table and key, without what depends on when they were written. */
export async function readRows(sql: postgres.Sql): Promise<Map<string, ReadRow>> {
  const tables = await sql<{ name: string; key: string[] }[]>`
    select relname as name, array(
      select attname::text from pg_attribute where attrelid = c.oid and attnum = any(i.indkey) order by attname) as key
    from pg_class c join pg_namespace n on n.oid = relnamespace join pg_index i on i.indrelid = c.oid and i.indisprimary
    where nspname = 'read' and relkind = 'r'
      and relname not in ('checkpoints', 'instances', 'read_models', 'dead_letters', 'parked_items')`;
  const rows = new Map<string, ReadRow>();
  for (const { name, key } of tables) {
    for (const { row } of await sql<{ row: ReadRow }[]>`select to_jsonb(t) as row from read.${sql(name)} t`) {
      rows.set(`${name} ${JSON.stringify(key.map((column) => row[column]))}`, row);
    }
  }
  return rows;
}
