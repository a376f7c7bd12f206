import type { CommandContract } from '../../commands/contract.ts';

/** A body with one file. The specification describes its bytes by their media type. */
export function uploadBody({
  field,
  description,
  types,
}: NonNullable<CommandContract['upload']>): Record<string, unknown> {
  const properties = { [field]: { type: 'string', format: 'binary', description } };
  const schema = { type: 'object', required: [field], additionalProperties: false, properties };
  const example = { [field]: 'quill.jpg' };
  const content = { schema, example, encoding: { [field]: { contentType: types.join(', ') } } };
  return { requestBody: { required: true, content: { 'multipart/form-data': content } } };
}
