import { administrationQueries } from './administration.ts';
import { boughtQueries } from './bought.ts';
import { cartQueries } from './cart.ts';
import { categoryQueries } from './category.ts';
import { dashboardQueries } from './dashboard.ts';
import { eventQueries } from './events.ts';
import { exportQueries } from './export.ts';
import { notificationQueries } from './notification.ts';
import { orderQueries } from './order.ts';
import { orderHistoryQueries } from './orderHistory.ts';
import { paymentQueries } from './payment.ts';
import { productBySkuQueries } from './productBySku.ts';
import { productQueries } from './product.ts';
import { productListQueries } from './productList.ts';
import { reviewQueries } from './review.ts';
import type { QueryContract } from './contract.ts';
import { sellerOrderQueries } from './sellerOrder.ts';
import { sessionQueries } from './session.ts';
import { stockQueries } from './stock.ts';
import { storeQueries } from './store.ts';
import { storeListQueries } from './storeList.ts';
import { storeProductQueries } from './storeProducts.ts';
import { userQueries } from './user.ts';

/** Every query of the shop. */
export const queries: readonly QueryContract[] = [
  ...userQueries,
  ...sessionQueries,
  ...exportQueries,
  ...storeQueries,
  ...storeListQueries,
  ...categoryQueries,
  ...boughtQueries,
  ...productQueries,
  ...productBySkuQueries,
  ...productListQueries,
  ...reviewQueries,
  ...storeProductQueries,
  ...stockQueries,
  ...cartQueries,
  ...orderQueries,
  ...orderHistoryQueries,
  ...sellerOrderQueries,
  ...paymentQueries,
  ...notificationQueries,
  ...administrationQueries,
  ...dashboardQueries,
  ...eventQueries,
];
