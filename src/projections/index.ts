import { bought } from './bought.ts';
import { carts } from './carts.ts';
import { categories } from './categories.ts';
import { dashboardFigures } from './dashboardFigures.ts';
import { dashboardOrders } from './dashboardOrders.ts';
import { deadlines } from './deadlines.ts';
import { orderParts } from './orderParts.ts';
import { orders } from './orders.ts';
import { payments } from './payments.ts';
import { products } from './products.ts';
import type { Projection } from '../engine/project/projection.ts';
import { revocations } from './revocations.ts';
import { reviews } from './reviews.ts';
import { sessions } from './sessions.ts';
import { stores } from './stores.ts';
import { users } from './users.ts';
import { vocabulary } from './vocabulary.ts';

/** Drops the row type: the engine treats the rows of all projections alike. */
const row = <R extends object>(projection: Projection<R>): Projection => projection as unknown as Projection;

/** Every read model. A new one needs its file, its line here and its migration. */
export const projections: readonly Projection[] = [
  row(users),
  row(revocations),
  row(sessions),
  row(stores),
  row(categories),
  row(products),
  row(carts),
  row(orders),
  row(orderParts),
  row(payments),
  row(deadlines),
  row(dashboardFigures),
  row(dashboardOrders),
  row(reviews),
  row(vocabulary),
  row(bought),
];

export const projectionNames: readonly string[] = projections.map(({ name }) => name);
