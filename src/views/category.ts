import { Type, type Static } from 'typebox';
import { Fields, Id, Instant } from '../schema.ts';

export const CategoryView = Fields({ id: Id, name: Type.String(), created_at: Instant, updated_at: Instant });
export type CategoryView = Static<typeof CategoryView>;
