import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { TObject, TSchema } from 'typebox';
import type { FieldError } from '../../errors.ts';
import { converterOf } from './convert.ts';
import { type Forms, type InputSchema, withoutWords } from './expected.ts';
import { faultsOf, type Reading } from './faults.ts';
import { UUID } from '../../platform/ids.ts';
import { instantOf } from '../../platform/instant.ts';

/** Returns every invalid field of a value. It also converts the values of an input, as `convert.ts` says. */
export type Check = (value: unknown) => readonly FieldError[];

const FORMATS = ['date', 'email', 'uri'] as const;
const NOTHING: readonly FieldError[] = [];

/** Does not check the schemas themselves when a server starts: `contracts.spec` checks each of them. */
function makeAjv(useDefaults: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    ...{ strict: true, allErrors: true, useDefaults },
    ...{ logger: false, validateSchema: false },
  });
  formats.default(ajv, { mode: 'full', formats: [...FORMATS] });
  ajv.addFormat('uuid', UUID);
  ajv.addFormat('date-time', (text) => instantOf(text) !== undefined);
  return ajv;
}
const forBodies = makeAjv(false);
const forText = makeAjv(true);

/** Compiles a schema when its first value comes: compiling all of them at start would take a fifth of the start. */
function compile(
  ajv: Ajv2020,
  schema: TSchema,
  told: (value: unknown, errors: readonly ErrorObject[]) => readonly FieldError[],
): Check {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    const validate = (compiled ??= ajv.compile(schema));
    return validate(value) ? NOTHING : told(value, validate.errors ?? []);
  };
}

const NO_FIELDS = { type: 'object', properties: {}, additionalProperties: false };

function converting(schema: TObject | undefined, ajv: Ajv2020, reading: Reading): Check {
  const convert = converterOf(schema, reading.isText);
  const input = (schema ?? NO_FIELDS) as InputSchema & TSchema;
  const unsaid = withoutWords(input);
  if (unsaid !== undefined) throw new Error(`The form of ${unsaid} needs a description, to say what is wrong with it.`);
  const check = compile(ajv, input, (value, errors) => faultsOf(input, value, errors, reading));
  if (convert === undefined) return check;
  return (value) => {
    convert(value);
    return check(value);
  };
}

/** For bodies: ids and instants get their one form; nothing else is converted, and nothing is filled in. */
export const bodyCheck = (schema: TObject | undefined, forms: Forms = {}): Check =>
  converting(schema, forBodies, { forms, isText: false });
/** For path and query: text is converted to the number or boolean that the schema asks for, defaults are filled in. */
export const textCheck = (schema: TObject | undefined, forms: Forms = {}): Check =>
  converting(schema, forText, { forms, isText: true });
/** For answers, in tests: it tells what the validator says. */
export const resultCheck = (schema: TSchema): Check =>
  compile(forBodies, schema, (_value, errors) =>
    errors.map(({ instancePath, message = 'is not valid' }) => ({
      ...{ code: 'VALIDATION_ERROR', field: instancePath, message: `${instancePath} ${message}` },
    })),
  );
