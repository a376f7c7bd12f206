import type { Subscription } from '../bus/bus.ts';
import type { Services } from '../commands/contract.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { erasure } from './erasure.ts';
import { fulfilment } from './fulfilment.ts';
import type { PaymentGateway } from './gateways/gateway.ts';
import { createMailer, keeper, type Sender } from './senders/mailer.ts';
import { membership, tellRole } from './sellerRole.ts';
import { notification } from './notification.ts';
import type { Channel } from './senders/outbox.ts';
import { pictures } from './pictures.ts';
import { payment } from './payment.ts';
import { react } from '../engine/react/reaction.ts';
import { createSandboxGateway } from './gateways/sandbox.ts';

export interface HandlersOptions {
  readonly services: Services;
  readonly pool: Pool;
  readonly config: Pick<Config, 'payment' | 'mail'>;
  readonly log: Logger;
  /** ISO 8601 UTC. */
  readonly now: () => string;
  /** Drops every cached answer, in every process. Default: there is no cache. */
  readonly dropAnswers?: () => Promise<void>;
  readonly gateway?: PaymentGateway;
  readonly senders?: Readonly<Record<Channel, Sender>>;
}

/** Every event handler. A subscription's name identifies its checkpoint, so it must never change. */
export function handlers({ services, pool, config, log, now, ...given }: HandlersOptions): readonly Subscription[] {
  const gateway = given.gateway ?? createSandboxGateway({ pool, delayMs: config.payment.sandboxDelayMs });
  const senders = given.senders ?? {
    email: createMailer({ ...config.mail, log }),
    sms: keeper(log, 'text message'),
  };
  return [
    payment({ services, now, gateway }),
    react(fulfilment, { services, now }),
    erasure({ services, now, dropAnswers: given.dropAnswers ?? (() => Promise.resolve()) }),
    react(membership, { services, now, onIssued: (issued) => tellRole(log, issued) }),
    notification({ services, now, pool, senders, publicUrl: () => config.mail.publicUrl }),
    pictures({ services }),
  ];
}
