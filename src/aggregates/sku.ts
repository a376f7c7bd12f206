export const SKU_LENGTH_MAX = 64;

/** Characters that nobody sees: those without a picture, and controls that are no white space. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}|\p{Cf}|(?!\s)\p{Cc}/gu;
const SPACES = /\s+/gu;

const tidy = (text: string, form: 'NFC' | 'NFKC'): string =>
  text.normalize(form).replaceAll(UNSEEN, '').replaceAll(SPACES, ' ').trim();

/** The form in which a SKU is stored: as it was typed, without outer spaces and without characters that nobody sees. */
export const skuOf = (typed: string): string => tidy(typed, 'NFC');

/** Equal for SKUs that are the same to people: neither case nor width nor spacing tells two of them apart. */
export const skuKey = (sku: string): string => tidy(sku, 'NFKC').toLowerCase();

const keyOf = (sku: string | null): string | null => (sku === null ? null : skuKey(sku));

/** Whether two products with these SKUs could stand in one store. Products without one always can. */
export const sameSku = (one: string | null, other: string | null): boolean => keyOf(one) === keyOf(other);
