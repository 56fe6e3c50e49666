import type { Append, AppendEvent } from '../../../src/kernel/log/append/append.ts';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import { sameEachTime, wordsOf } from '../measuring/random.ts';
import { appendOf } from '../running/event-store.ts';

/** How much there is of everything. */
export interface ArticleCounts {
  readonly authors: number;
  readonly articles: number;
  readonly tags: number;
  readonly comments: number;
}

/** The default limit of a server for one append batch. */
const AT_ONCE = 1000;
/** Fewer, so that not all articles are published in the same milliseconds. */
const PUBLISHED_AT_ONCE = 100;
const BODY_LENGTH = 1500;
const MAX_TAGS = 5;

/**
 * Writes the life of a magazine as its commands would have: a command an event. A tenth of the articles gets a tag
 * afterwards. Some authors, tags and articles are far more popular than others, old articles no more than new ones.
 */
export async function writeArticles(log: EventLog, counts: ArticleCounts): Promise<void> {
  const random = sameEachTime(5);
  const popular = (count: number) => Math.floor(count * random() ** 2);
  const writer = new LogWriter(log);

  const authors = Array.from({ length: counts.authors }, newId);
  for (const [nth, id] of authors.entries()) {
    await writer.write('Author', id, 0, event('AuthorRegistered', authorOf(nth)));
  }
  const articles = Array.from({ length: counts.articles }, newId);
  const versions = new Int32Array(counts.articles);
  const next = (nth: number) => {
    const version = versions[nth] ?? 0;
    versions[nth] = version + 1;
    return version;
  };
  for (const [nth, id] of articles.entries()) {
    const author = popular(counts.authors);
    const { displayName: authorName, avatarUrl: authorAvatarUrl } = authorOf(author);
    const tags = new Set(
      Array.from({ length: 1 + Math.floor(random() * MAX_TAGS) }, () => tagOf(popular(counts.tags))),
    );
    const body = wordsOf(BODY_LENGTH, random);
    const shown = { title: wordsOf(60, random), body, tags: [...tags] };
    const data = { authorId: authors[author], authorName, authorAvatarUrl, ...shown };
    await writer.write('Article', id, next(nth), event('ArticlePublished', data));
    if ((nth + 1) % PUBLISHED_AT_ONCE === 0) await writer.flush();
  }
  for (let nth = 0; nth < counts.articles; nth += 10) {
    const tagged = event('ArticleTagged', { tag: lateTag });
    await writer.write('Article', articles[nth] as string, next(nth), tagged);
  }
  for (let nth = 0; nth < counts.comments; nth++) {
    // Popular ones stand anywhere in the list.
    const article = (popular(counts.articles) * 7919) % counts.articles;
    const commented = event('ArticleCommented', { body: wordsOf(40 + random() * 120, random) });
    await writer.write('Article', articles[article] as string, next(article), commented);
  }
  await writer.flush();
}

/** A tag that so many articles have: of `tags`, the nth most popular. */
export function tagOf(nth: number): string {
  return `subject ${nth + 1}`;
}

const lateTag = 'worth reading twice';

function authorOf(nth: number) {
  return { displayName: `Author ${nth + 1}`, avatarUrl: nth % 3 ? `https://example.org/authors/${nth}.png` : null };
}

function event(type: string, data: unknown): AppendEvent {
  return { type, schemaVersion: 1, data };
}

/** Appends as the command bus would, many at once. */
class LogWriter {
  readonly #log: EventLog;
  #appends: Append[] = [];

  constructor(log: EventLog) {
    this.#log = log;
  }

  async write(streamType: string, streamId: string, version: number, written: AppendEvent): Promise<void> {
    this.#appends.push({ ...appendOf(streamId, version, written), streamType });
    if (this.#appends.length >= AT_ONCE) await this.flush();
  }

  async flush(): Promise<void> {
    const outcomes = await this.#log.append(this.#appends);
    this.#appends = [];
    if (outcomes.some(({ outcome }) => outcome !== 'accepted')) throw new Error('An append was not accepted.');
  }
}
