import { administrationCommands } from './administration.ts';
import { authCommands } from './auth.ts';
import { cartCommands } from './cart.ts';
import { categoryCommands } from './category.ts';
import type { CommandContract } from './contract.ts';
import { erasureCommands } from './erasure.ts';
import { inventoryCommands } from './inventory.ts';
import { exportCommands } from './export.ts';
import { linkCommands } from './links.ts';
import { orderCommands } from './order.ts';
import { credentialCommands } from './credentials.ts';
import { paymentCommands } from './payment.ts';
import { pictureCommands } from './picture.ts';
import { productCommands } from './product.ts';
import { registrationCommands } from './registration.ts';
import { reviewCommands } from './review.ts';
import { roleCommands } from './role.ts';
import { standingCommands } from './standing.ts';
import { sessionCommands } from './session.ts';
import { lostFactorCommands } from './lostFactor.ts';
import { secondFactorCommands } from './secondFactor.ts';
import { storeCommands } from './store.ts';
import { userCommands } from './user.ts';

/** Every command of the shop. */
export const commands: readonly CommandContract[] = [
  ...registrationCommands,
  ...authCommands,
  ...userCommands,
  ...linkCommands,
  ...secondFactorCommands,
  ...lostFactorCommands,
  ...roleCommands,
  ...standingCommands,
  ...erasureCommands,
  ...exportCommands,
  ...sessionCommands,
  ...credentialCommands,
  ...storeCommands,
  ...categoryCommands,
  ...productCommands,
  ...inventoryCommands,
  ...pictureCommands,
  ...reviewCommands,
  ...cartCommands,
  ...orderCommands,
  ...paymentCommands,
  ...administrationCommands,
];
