import { type Static, Type } from 'typebox';
import { RATINGS } from '../aggregates/review.ts';
import { sealedInReview, sealedInUser } from '../aggregates/sealed.ts';
import { newestFirst, type PageArguments, readPage } from '../engine/ask/pages.ts';
import { type Conditions, conditions, Paging } from '../engine/ask/paging.ts';
import type { QueryAnswer } from '../engine/ask/query.ts';
import { missing } from '../errors.ts';
import { ERASED } from '../eventstore/sealing.ts';
import { derivedId } from '../platform/ids.ts';
import type { ReviewRow } from '../projections/reviews.ts';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';
import { defineQuery, type QueryContext, type Services } from './contract.ts';
import { VISIBLE } from './visible.ts';

const REVIEW_NAMESPACE = '3f0c8c0e-1a57-4d8e-9d57-0b8a4f1f6a55';

/** The id of the one review that a buyer may write of a product. */
export const reviewIdOf = (authorId: string, productId: string): string =>
  derivedId(`${authorId}:${productId}`, REVIEW_NAMESPACE);

export const RatingField = Type.Integer({ minimum: RATINGS[0], maximum: RATINGS.at(-1)! });

export const ReviewView = Named('Review', {
  id: Id,
  product_id: Id,
  author: Type.String({ description: 'The first name of the author and the initial of the last.' }),
  rating: RatingField,
  comment: Nullable(Type.String()),
  answer: Nullable(Fields({ text: Type.String(), at: Instant })),
  created_at: Instant,
  updated_at: Instant,
});
export type ReviewView = Static<typeof ReviewView>;

export const AdminReviewView = Named('ReviewForAdmins', {
  ...ReviewView.properties,
  author_id: Id,
  is_hidden: Type.Boolean(),
  hidden_because: Nullable(Type.String()),
});

/** A name as everybody may see it: `Ada Lovelace` is shown as `Ada L.`. */
function publicName(name: string): string {
  if (name === ERASED) return ERASED;
  const [first = '', ...others] = name.trim().split(/\s+/u);
  const last = /^./su.exec(others.at(-1) ?? '')?.[0];
  return last === undefined ? first : `${first} ${last.toUpperCase()}.`;
}

/** `row` with its texts open; `name`: that of the author, open. */
export const reviewView = (row: ReviewRow, name: string): ReviewView => ({
  id: row.id,
  product_id: row.product_id,
  author: publicName(name),
  rating: row.rating,
  comment: row.comment,
  answer: row.answer === null || row.answered_at === null ? null : { text: row.answer, at: row.answered_at },
  created_at: row.created_at,
  updated_at: row.updated_at,
});

export const adminReviewView = (row: ReviewRow, name: string): Static<typeof AdminReviewView> => ({
  ...reviewView(row, name),
  author_id: row.author_id,
  is_hidden: row.hidden,
  hidden_because: row.hidden_because,
});

type Found = ReviewRow & { readonly author_name: string | null; readonly revision: number };

const COLUMNS = 'r.*, u.name AS author_name';
const FROM = 'reviews r LEFT JOIN users u ON u.id = r.author_id';

/** The rows with their texts, and the names of their authors. */
async function opened(rows: readonly Found[], { personalData }: Services) {
  const [texts, names] = await Promise.all([
    personalData.revealAll(rows, sealedInReview),
    personalData.revealAll(
      rows.map(({ author_name: name }) => ({ name })),
      (_name, index) => sealedInUser(rows[index]!.author_id),
    ),
  ]);
  return texts.map((row, index) => ({ row, name: names[index]!.name ?? ERASED }));
}

const unknown = (): never => missing('ReviewUnknown', 'There is no such review.');

const getReview = defineQuery({
  name: 'GetReview',
  summary: 'A review',
  tag: 'reviews',
  route: 'GET /reviews/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: ReviewView,
  revised: 'always',
  reads: ['reviews', 'users'],
  async run({ params: { id } }, { actor, db, services }) {
    const found = await db.rows<Found>(`SELECT ${COLUMNS} FROM ${FROM} WHERE r.id = $1`, [id]);
    const [shown] = found.filter(({ hidden, author_id: author }) => !hidden || author === actor.id);
    if (shown === undefined) return unknown();
    const [{ row, name } = unknown()] = await opened([shown], services);
    return { data: reviewView(row, name), revision: BigInt(shown.revision) };
  },
});

type View = (row: ReviewRow, name: string) => unknown;

async function list(
  context: QueryContext,
  { where, view }: { where: Conditions; view: View },
  page: PageArguments,
): Promise<QueryAnswer> {
  const sql = { columns: COLUMNS, from: FROM, where, order: newestFirst('r.') };
  const { rows, pagination } = await readPage<Found>(context, sql, page);
  const open = await opened(rows, context.services);
  return { data: open.map(({ row, name }) => view(row, name)), pagination };
}

const ON_SALE = `SELECT 1 FROM products p JOIN stores s ON s.id = p.store_id WHERE p.id = $1 AND ${VISIBLE}`;

const listReviews = defineQuery({
  name: 'ListReviews',
  summary: 'The reviews of a product, newest first',
  tag: 'reviews',
  route: 'GET /products/:id/reviews',
  access: 'anyone',
  params: Fields({ id: Id }),
  query: Fields({ ...Paging, rating: Type.Optional(RatingField) }),
  result: Type.Array(ReviewView),
  paginated: true,
  reads: ['products', 'stores', 'reviews', 'users'],
  async run({ params: { id }, query }, context) {
    const [product] = await context.db.rows(ON_SALE, [id]);
    if (product === undefined) return missing('ProductUnknown', 'There is no such product.');
    const where = conditions('NOT r.hidden');
    where.add('r.product_id = ?', id);
    if (query.rating !== undefined) where.add('r.rating = ?', query.rating);
    return list(context, { where, view: reviewView }, query);
  },
});

const listMyReviews = defineQuery({
  name: 'ListMyReviews',
  summary: 'My reviews, newest first',
  tag: 'reviews',
  route: 'GET /users/me/reviews',
  access: 'user',
  query: Fields(Paging),
  result: Type.Array(ReviewView),
  paginated: true,
  reads: ['reviews', 'users'],
  async run({ query }, context) {
    const where = conditions();
    where.add('r.author_id = ?', context.actor.id);
    return list(context, { where, view: reviewView }, query);
  },
});

const listAllReviews = defineQuery({
  name: 'ListAllReviews',
  summary: 'All reviews, newest first, hidden ones too',
  tag: 'reviews',
  route: 'GET /admin/reviews',
  access: ['admin'],
  query: Fields({ ...Paging, is_hidden: Type.Optional(Type.Boolean()), product_id: Type.Optional(Id) }),
  result: Type.Array(AdminReviewView),
  paginated: true,
  reads: ['reviews', 'users'],
  async run({ query }, context) {
    const where = conditions();
    if (query.is_hidden !== undefined) where.add('r.hidden = ?', query.is_hidden);
    if (query.product_id !== undefined) where.add('r.product_id = ?', query.product_id);
    return list(context, { where, view: adminReviewView }, query);
  },
});

export const reviewQueries = [getReview, listReviews, listMyReviews, listAllReviews];
