import type { Values } from './settings.ts';

/** The bucket for uploads; undefined means the folder. The rules see to it that all of its settings are given, or none. */
const bucketOf = ({ S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_REGION: region, ...values }: Values) => {
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if (endpoint === undefined || bucket === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { endpoint, bucket, region, accessKeyId, secretAccessKey };
};

export const uploadsOf = (values: Values) => ({
  maxBytes: values.UPLOAD_MAX_SIZE,
  /** Undefined means `uploads` in the data folder. */
  dir: values.UPLOAD_DIR,
  s3: bucketOf(values),
});
