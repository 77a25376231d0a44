import type { Config } from '../../platform/config.ts';
import type { BlobStore } from './blob-store.ts';
import { createFolderBlobs } from './folder-blobs.ts';
import { createS3Blobs } from './s3-blobs.ts';

/** The installation's store: a bucket where one is set, else a folder. */
export const createBlobs = (config: Config): BlobStore =>
  config.MEDIA_S3_BUCKET === undefined
    ? createFolderBlobs(config.MEDIA_FOLDER)
    : createS3Blobs({
        bucket: config.MEDIA_S3_BUCKET,
        endpoint: config.MEDIA_S3_ENDPOINT,
        region: config.MEDIA_S3_REGION,
        pathStyle: config.MEDIA_S3_PATH_STYLE,
        keys:
          config.MEDIA_S3_ACCESS_KEY_ID !== undefined && config.MEDIA_S3_SECRET_ACCESS_KEY !== undefined
            ? { accessKeyId: config.MEDIA_S3_ACCESS_KEY_ID, secretAccessKey: config.MEDIA_S3_SECRET_ACCESS_KEY }
            : undefined,
        folder: config.MEDIA_FOLDER,
      });
