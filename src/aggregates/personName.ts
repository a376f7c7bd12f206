/** The ways in which a person may be named. Clients of other shops know different ones; this shop stores one name. */
export interface NameForms {
  readonly name?: string;
  readonly full_name?: string;
  readonly first_name?: string;
  readonly last_name?: string;
  readonly username?: string;
}

export type NameField = keyof NameForms;
export const NAME_FIELDS: readonly NameField[] = ['name', 'full_name', 'first_name', 'last_name', 'username'];

const tidy = (text: string): string => text.normalize('NFC').replaceAll(/\s+/gu, ' ').trim();

/**
 * The name that the forms give: `name`, else `full_name`, else `first_name` and `last_name`, else `username`. Forms that stand beside
 * each other must give the same name, except `username`, which need not be one. `clash`: the field of the form that contradicts.
 */
export function nameFrom(forms: NameForms): { readonly name?: string } | { readonly clash: NameField } {
  const { name, full_name, first_name, last_name, username } = forms;
  const parts = [first_name, last_name].filter((part) => part !== undefined);
  const joined = parts.length === 0 ? undefined : parts.map((part) => part.trim()).join(' ');
  const found = name ?? full_name ?? joined ?? username;
  if (found === undefined) return {};
  const differs = (form: string | undefined): boolean => form !== undefined && tidy(form) !== tidy(found);
  if (differs(full_name)) return { clash: 'full_name' };
  if (differs(joined)) return { clash: first_name === undefined ? 'last_name' : 'first_name' };
  return { name: found.trim() };
}
