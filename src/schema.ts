import { Type, type TObject, type TProperties, type TSchema } from 'typebox';

/**
 * Shared schemas of requests and answers. Every input has a limit. A `description` that begins with a small letter completes the sentence
 * "it must be …" of the message to a caller whose input is refused; `commands/forms.ts` has those that the settings decide, by `title`.
 */
export const NAME_LENGTH_MAX = 200;
const TEXT_LENGTH_MAX = 5_000;
const EMAIL_LENGTH_MAX = 254;
/** Longer than bcrypt accepts, so that the password rule refuses a too long password and states the reason. */
const PASSWORD_LENGTH_MAX = 1_000;

/** The most bytes that bcrypt reads; a longer password is refused, never cut. */
export const PASSWORD_BYTES_MAX = 72;

/** For `pattern`: something that can be seen, neither spaces nor characters without a picture. */
const VISIBLE = '[^\\s\\p{Z}\\p{C}\\p{Default_Ignorable_Code_Point}]';

export const Id = Type.String({ format: 'uuid', maxLength: 36 });
export const Instant = Type.String({ format: 'date-time', maxLength: 40 });
/** Text that says something. */
export const Line = (maxLength: number) =>
  Type.String({
    ...{ minLength: 1, maxLength, pattern: VISIBLE },
    description: `text of 1 to ${maxLength} characters, not only spaces`,
  });
export const Name = Line(NAME_LENGTH_MAX);
export const Text = Type.String({ maxLength: TEXT_LENGTH_MAX });
export const Email = Type.String({ format: 'email', maxLength: EMAIL_LENGTH_MAX });
/** An address that someone types to be found by: any text with an at sign, without blanks and without signs that nobody sees. */
export const TypedEmail = Type.String({
  ...{ minLength: 3, maxLength: EMAIL_LENGTH_MAX },
  pattern:
    '^[^\\s\\p{Z}\\p{C}\\p{Default_Ignorable_Code_Point}@]+@[^\\s\\p{Z}\\p{C}\\p{Default_Ignorable_Code_Point}@]+$',
  description: 'an e-mail address of at most 254 characters, without blanks',
});
/** The token of a mailed link. One that has not its form is refused like one that is unknown. */
export const LinkToken = Type.String({
  ...{ minLength: 1, maxLength: 200 },
  description: 'the token of a mailed link, at most 200 characters',
});
/** A code of an authenticator app, or a recovery code. */
export const Code = Type.String({
  ...{ minLength: 1, maxLength: 64 },
  description: 'a code of six digits, or a recovery code, at most 64 characters',
});
/** 7 to 15 digits, as ITU-T E.164 has them; perhaps with a plus before and separators between. */
export const Phone = Type.String({
  maxLength: 30,
  pattern: '^(?:[ (]{0,3}\\+)?[ ().-]*(?:[0-9][ ().-]*){7,15}$',
  description: 'a phone number of 7 to 15 digits, with or without separators, such as +44 20 7946 0018',
});
/** The signs that stand between the digits of a phone number, and those that nobody sees. */
const PHONE_SIGN = '[\\s\\p{Z}\\p{Cf}\\p{Pd}\\u2212+\\uff0b().\\/\\uff08\\uff09\\uff0e\\uff0f]';
/** The phone number of an account, in any spelling and the digits of any script. Whether it exists is judged by its rule. */
export const UserPhone = Type.String({
  title: 'UserPhone',
  maxLength: 60,
  pattern: `^${PHONE_SIGN}*(?:[0-9\\p{Nd}]${PHONE_SIGN}*){7,20}$`,
  description: 'a phone number of 7 to 15 digits with its country code, such as +44 20 7946 0018',
});
export const Password = Type.String({ minLength: 1, maxLength: PASSWORD_LENGTH_MAX });
/** A password to be set. The specification shows the least length that the settings allow, which the password rule checks. */
export const NewPassword = Type.String({ title: 'NewPassword', minLength: 1, maxLength: PASSWORD_LENGTH_MAX });
export const RefreshToken = Type.String({
  ...{ minLength: 1, maxLength: 200 },
  description: 'a refresh token of at most 200 characters, as login and refresh answer it',
});

const amountOf = <const T extends string>(title: T, description: string) =>
  Type.Union(
    [
      Type.String({ pattern: '^[0-9]{1,15}(\\.[0-9]{1,6})?$', maxLength: 22 }),
      Type.Number({ minimum: 0, maximum: 1e12 }),
    ],
    { title, description },
  );

/** Major units, as text (`"19.90"`) or number; the currency decides how many decimals are allowed. */
export const Amount = amountOf('Amount', 'an amount of money above 0, such as 19.90');
export const Price = amountOf('Price', 'an amount of money above 0, such as 19.90');
/** A price to compare with. */
export const PriceLimit = amountOf('PriceLimit', 'an amount of money, such as 19.90');
/** An amount in an answer: a number in major units. */
export const Money = Type.Number();
export const Currency = Type.String({ minLength: 3, maxLength: 3 });

/** An object that accepts only these fields. */
export const Fields = <P extends TProperties>(properties: P): TObject<P> =>
  Type.Object(properties, { additionalProperties: false });

/** Like `Fields`, for a thing that has a name of its own in the specification. */
export const Named = <P extends TProperties>(title: string, properties: P): TObject<P> =>
  Type.Object(properties, { title, additionalProperties: false });

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Message = Named('Message', { message: Type.String() });
