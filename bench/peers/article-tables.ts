import type { Sql } from 'postgres';

/** The magazine in tables without redundancy, with the indexes that its lists need. */
const TABLES = `
create schema blog;
create table blog.authors (id uuid primary key, display_name text not null, avatar_url text);
create table blog.articles (
  id uuid primary key,
  author_id uuid not null,
  title text not null,
  -- Cut to its length once and for all, as the read model has it.
  excerpt text not null,
  body text not null,
  published_at timestamptz(3) not null
);
create table blog.tags (id int generated always as identity primary key, name text not null unique);
create table blog.article_tags (article_id uuid, tag_id int, nth int not null, primary key (article_id, tag_id));
create table blog.comments (id uuid primary key, article_id uuid not null, body text not null, commented_at timestamptz(3) not null);
`;

const FILL = `
insert into blog.authors
  select stream_id, data ->> 'displayName', data ->> 'avatarUrl' from es.events where type = 'AuthorRegistered';
insert into blog.articles
  select stream_id, (data ->> 'authorId')::uuid, data ->> 'title', card.excerpt, data ->> 'body', occurred_at
  from es.events join read.article_cards_v1 card on card.article_id = stream_id where type = 'ArticlePublished';
create temporary table tagged as
  select stream_id, version, nth, name
  from es.events
  cross join lateral jsonb_array_elements_text(
    case type when 'ArticlePublished' then data -> 'tags' else jsonb_build_array(data ->> 'tag') end
  ) with ordinality as tag (name, nth)
  where type in ('ArticlePublished', 'ArticleTagged');
insert into blog.tags (name) select distinct name from tagged;
insert into blog.article_tags
  select stream_id, tags.id, row_number() over (partition by stream_id order by version, nth)
  from tagged join blog.tags using (name);
insert into blog.comments
  select event_id, stream_id, data ->> 'body', occurred_at from es.events where type = 'ArticleCommented' order by position;
alter table blog.articles add foreign key (author_id) references blog.authors;
alter table blog.article_tags
  add foreign key (article_id) references blog.articles, add foreign key (tag_id) references blog.tags;
alter table blog.comments add foreign key (article_id) references blog.articles;
create index on blog.articles (published_at, id);
create index on blog.articles (author_id);
create index on blog.article_tags (tag_id, article_id);
create index on blog.comments (article_id);
`;

/** Fills normalised tables with what the log and the cards of this database hold. */
export async function fillArticleTables(sql: Sql): Promise<void> {
  await sql.unsafe(TABLES);
  await sql.unsafe(FILL);
}

/** Which cards a page shows, with what goes before the statement's own parameters. */
export const CONDITIONS = {
  newest: 'true',
  /** After a place in the list: $2, $3. */
  after: '(a.published_at, a.id) < ($2::timestamptz, $3::uuid)',
  /** With the tag $2. */
  tag: `a.id in (select article_id from blog.article_tags join blog.tags on tags.id = tag_id where name = $2)`,
} as const;

const COLUMNS = `a.id, a.title, a.excerpt, u.display_name as author_name, u.avatar_url as author_avatar_url`;

/** The join as it is usually written: everything joined, counted, and the first $1 taken. */
export function usualJoin(condition: string): string {
  return `select ${COLUMNS}, a.published_at,
       array_remove(array_agg(distinct t.name), null) as tags, count(distinct c.id)::int as comment_count
  from blog.articles a
  join blog.authors u on u.id = a.author_id
  left join blog.article_tags x on x.article_id = a.id
  left join blog.tags t on t.id = x.tag_id
  left join blog.comments c on c.article_id = a.id
  where ${condition}
  group by a.id, u.id
  order by a.published_at desc, a.id desc
  limit $1`;
}

/** The same by somebody who has seen its plan: the page is chosen first, and only of its articles is counted. */
export function tunedJoin(condition: string): string {
  return `select ${COLUMNS}, a.published_at, tagged.tags, commented.comment_count
  from (
    select a.* from blog.articles a where ${condition} order by a.published_at desc, a.id desc limit $1
  ) a
  join blog.authors u on u.id = a.author_id
  cross join lateral (
    select coalesce(array_agg(t.name order by x.nth), '{}') as tags
    from blog.article_tags x join blog.tags t on t.id = x.tag_id where x.article_id = a.id
  ) tagged
  cross join lateral (select count(*)::int as comment_count from blog.comments c where c.article_id = a.id) commented
  order by a.published_at desc, a.id desc`;
}
