import type { Upcasters } from '../engine/decide/decider.ts';
import { administrationDecider } from './administration.ts';
import { adminsDecider } from './admins.ts';
import { cartDecider } from './cart.ts';
import { categoryDecider } from './category.ts';
import { categoryTreeDecider } from './categoryTree.ts';
import { claimDecider } from './claim.ts';
import { currencyDecider } from './currency.ts';
import { mailboxDecider } from './mailbox.ts';
import { orderDecider } from './order.ts';
import { productDecider } from './product.ts';
import { sessionDecider } from './session.ts';
import { stockDecider } from './stock.ts';
import { storeDecider } from './store.ts';
import { unpaidDecider } from './unpaid.ts';
import { userDecider } from './user.ts';

/** Every aggregate. */
const deciders: readonly { readonly upcasters?: Upcasters }[] = [
  userDecider,
  adminsDecider,
  administrationDecider,
  sessionDecider,
  claimDecider,
  mailboxDecider,
  currencyDecider,
  storeDecider,
  categoryDecider,
  categoryTreeDecider,
  productDecider,
  stockDecider,
  cartDecider,
  orderDecider,
  unpaidDecider,
];

/** The upcasters of all aggregates: they convert stored events to their current shape. */
export const UPCASTERS: Upcasters = Object.assign({}, ...deciders.map(({ upcasters }) => upcasters)) as Upcasters;
