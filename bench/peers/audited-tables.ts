import type { Sql } from 'postgres';

/**
 * A shop in tables without redundancy with the indexes that its lists need, and beside them the audit table that is
 * usually advised: a trigger writes down each change of a row, as it was before and is after.
 */
const TABLES = `
create schema shop;
create table shop.customers (id uuid primary key, name text not null, email text not null);
create table shop.products (
  id uuid primary key, sku text not null, name text not null, price bigint not null, currency text not null,
  stock int not null
);
create table shop.orders (
  id uuid primary key,
  customer_id uuid not null references shop.customers,
  status text not null,
  line1 text not null, line2 text, city text not null, postal_code text not null, country text not null,
  carrier text, tracking_number text, cancellation_reason text,
  placed_at timestamptz(3) not null,
  updated_at timestamptz(3) not null
);
create index on shop.orders (placed_at);
create index on shop.orders (customer_id, placed_at);
create index on shop.orders (status, placed_at);
create table shop.order_items (
  order_id uuid not null references shop.orders,
  line int not null,
  product_id uuid not null references shop.products,
  quantity int not null,
  unit_price bigint not null,
  currency text not null,
  primary key (order_id, line)
);
create index on shop.order_items (product_id);

create table shop.audit (
  id bigint generated always as identity primary key,
  table_name text not null,
  row_id uuid not null,
  action text not null,
  before jsonb,
  after jsonb,
  changed_by text,
  changed_at timestamptz(3) not null default now()
);
create index on shop.audit (row_id, id);
create index on shop.audit (changed_by, id);

create function shop.write_audit() returns trigger language plpgsql as $$
begin
  insert into shop.audit (table_name, row_id, action, before, after, changed_by)
  values (
    tg_table_name,
    coalesce(to_jsonb(new) ->> tg_argv[0], to_jsonb(old) ->> tg_argv[0])::uuid,
    tg_op,
    case when tg_op <> 'INSERT' then to_jsonb(old) end,
    case when tg_op <> 'DELETE' then to_jsonb(new) end,
    current_setting('shop.user', true)
  );
  return null;
end $$;
create trigger audit after insert or update or delete on shop.customers for each row execute function shop.write_audit('id');
create trigger audit after insert or update or delete on shop.products for each row execute function shop.write_audit('id');
create trigger audit after insert or update or delete on shop.orders for each row execute function shop.write_audit('id');
create trigger audit after insert or update or delete on shop.order_items
  for each row execute function shop.write_audit('order_id');
`;

/** Makes the tables, with the customers and products of the read models. */
export async function makeAuditedTables(sql: Sql): Promise<void> {
  await sql.unsafe(TABLES);
  await sql.unsafe(`
    insert into shop.customers select id, name, email from read.customers_v2;
    insert into shop.products select id, sku, name, price, currency, stock from read.products_v2;`);
}

/** Orders that go through their lives together. */
const AT_ONCE = 100;

/** Takes the orders of the read model that are not there yet through the same lives: four transactions each. */
export async function liveAudited(sql: Sql): Promise<void> {
  for (;;) {
    const orders = await sql<{ id: string }[]>`
      select id from read.orders_v3 o where not exists (select from shop.orders s where s.id = o.id) order by id limit ${AT_ONCE}`;
    if (orders.length === 0) return;
    const ids = orders.map(({ id }) => id);
    await as(sql, async (tx) => {
      await tx`
        insert into shop.orders
        select id, customer_id, 'PLACED', shipping_address ->> 'line1', shipping_address ->> 'line2',
          shipping_address ->> 'city', shipping_address ->> 'postalCode', shipping_address ->> 'country',
          null, null, null, placed_at, placed_at
        from read.orders_v3 where id = any(${ids}::uuid[]) order by placed_at, id`;
      await tx`
        insert into shop.order_items
        select id, line, (item ->> 'productId')::uuid, (item ->> 'quantity')::int,
          (item -> 'unitPrice' ->> 'amount')::bigint, item -> 'unitPrice' ->> 'currency'
        from read.orders_v3 cross join lateral jsonb_array_elements(items) with ordinality as items (item, line)
        where id = any(${ids}::uuid[]) order by placed_at, id, line`;
    });
    await as(
      sql,
      (tx) => tx`
      update shop.orders set status = 'CONFIRMED', updated_at = now() where id = any(${ids}::uuid[])`,
    );
    await as(
      sql,
      (tx) => tx`
      update shop.orders s set status = 'SHIPPED', carrier = r.carrier, tracking_number = r.tracking_number, updated_at = now()
      from read.orders_v3 r where r.id = s.id and s.id = any(${ids}::uuid[])`,
    );
    await as(
      sql,
      (tx) => tx`
      update shop.orders set status = 'DELIVERED', updated_at = now() where id = any(${ids}::uuid[])`,
    );
  }
}

async function as(sql: Sql, work: (tx: Sql) => PromiseLike<unknown>): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('shop.user', gen_random_uuid()::text, true)`;
    await work(tx as unknown as Sql);
  });
}
