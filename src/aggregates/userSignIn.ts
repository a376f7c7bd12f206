import {
  decideSecondFactor,
  evolveSecondFactor,
  NO_FACTOR,
  type FactorOwner,
  type SecondFactorCommand,
  type SecondFactorEvent,
} from './secondFactor.ts';
import {
  decideLinks,
  evolveLinks,
  NO_LINKS,
  type ResetEvent,
  type UserLinkCommand,
  type UserLinkEvent,
} from './userLinks.ts';

export type SignInEvent = UserLinkEvent | SecondFactorEvent;
export type SignInCommand = UserLinkCommand | SecondFactorCommand;

/** The parts of signing in beside the password. */
export type SignIn = Pick<FactorOwner, 'endedBy' | 'links' | 'secondFactor'>;
export const NEW_SIGN_IN: SignIn = { endedBy: 'password changed', links: NO_LINKS, secondFactor: NO_FACTOR };

const OF_LINKS: Readonly<Record<UserLinkEvent['type'] | UserLinkCommand['type'], true>> = {
  ...{ LinkRequested: true, EmailVerified: true, EmailChanged: true },
  ...{ RequestLink: true, VerifyEmail: true, VouchForEmail: true, ResetPassword: true, ChangeEmail: true },
};
const OF_FACTOR: Readonly<Record<SecondFactorEvent['type'] | SecondFactorCommand['type'], true>> = {
  ...{ SecondFactorOffered: true, SecondFactorEnabled: true, SecondFactorDisabled: true },
  ...{ RecoveryCodesRenewed: true, SecondFactorPassed: true, SecondFactorFailed: true },
  ...{ OfferSecondFactor: true, EnableSecondFactor: true, DisableSecondFactor: true },
  ...{ RenewRecoveryCodes: true, PassSecondFactor: true, FailSecondFactor: true },
};
interface Typed {
  readonly type: string;
}
const isOfLinks = ({ type }: Typed): boolean => Object.hasOwn(OF_LINKS, type);
const isOfEither = (one: Typed): boolean => isOfLinks(one) || Object.hasOwn(OF_FACTOR, one.type);

export const isOfSignIn = (event: Typed): event is SignInEvent => isOfEither(event);
export const asksOfSignIn = (command: Typed): command is SignInCommand => isOfEither(command);

export const evolveSignIn = <S extends FactorOwner>(state: S, event: SignInEvent): S =>
  isOfLinks(event) ? evolveLinks(state, event as UserLinkEvent) : evolveSecondFactor(state, event as SecondFactorEvent);

export const decideSignIn = (command: SignInCommand, state: FactorOwner): (SignInEvent | ResetEvent)[] =>
  isOfLinks(command)
    ? decideLinks(command as UserLinkCommand, state)
    : decideSecondFactor(command as SecondFactorCommand, state);
