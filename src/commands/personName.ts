import { Type } from 'typebox';
import { NAME_FIELDS, type NameField, type NameForms, nameFrom } from '../aggregates/personName.ts';
import { invalid } from '../errors.ts';
import { Name, NAME_LENGTH_MAX } from '../schema.ts';

/** The fields of a body that name a person. */
export const NameFields = {
  name: Type.Optional(Name),
  first_name: Type.Optional(Name),
  last_name: Type.Optional(Name),
  full_name: Type.Optional(Name),
  username: Type.Optional(Name),
};

const BESIDE: Readonly<Partial<Record<NameField, string>>> = { full_name: 'name', first_name: 'name or full_name' };

/** The one name that the fields of a body give; undefined when none is there. Refuses fields that contradict, naming one. */
export function givenName(body: NameForms): string | undefined {
  const found = nameFrom(body);
  if ('clash' in found) invalid(found.clash, `must be the same name as ${BESIDE[found.clash] ?? 'name or full_name'}`);
  if ((found.name?.length ?? 0) > NAME_LENGTH_MAX) {
    invalid('last_name', `must be text of at most ${NAME_LENGTH_MAX} characters together with first_name`);
  }
  return found.name;
}

/** The forms of a name in a body whose fields may be absent or of any type. */
const formsIn = (body: Readonly<Record<string, unknown>>): NameForms =>
  Object.fromEntries(NAME_FIELDS.flatMap((field) => (typeof body[field] === 'string' ? [[field, body[field]]] : [])));

/** For `check` of a contract whose body must name a person. A field of a wrong type is refused by the schema. */
export function checkNamed(body: Readonly<Record<string, unknown>>): void {
  const isNamed = NAME_FIELDS.some((field) => body[field] !== undefined);
  if (!isNamed) invalid('name', 'is missing: it, full_name, first_name with last_name, or username must be there');
  givenName(formsIn(body));
}

/** For `check` of a contract whose body may name a person anew: half of a name would lose the other half. */
export function checkRenamed(body: Readonly<Record<string, unknown>>): void {
  const { name, full_name, first_name, last_name } = body;
  if (name === undefined && full_name === undefined && (first_name === undefined) !== (last_name === undefined)) {
    const [there, absent] = first_name === undefined ? ['last_name', 'first_name'] : ['first_name', 'last_name'];
    invalid(absent, `is missing: it must be there beside ${there}`);
  }
  givenName(formsIn(body));
}
