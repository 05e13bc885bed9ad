/** `pictures`: picture files as small data URLs, for the worst samples in the comparison view. */
import { decodeImage } from '../../calibrate/transforms/decodeImage';
import { CodedError, throwIfCancelled } from '../../contract/errors';
import type { PreviewMethods } from '../../contract/previewMethods';
import { pictureUrl } from './samplePicture';

export async function picturesStage(
  { files }: PreviewMethods['pictures']['params'],
  signal?: AbortSignal,
): Promise<PreviewMethods['pictures']['result']> {
  const pictures: (string | null)[] = [];
  for (const file of files) {
    throwIfCancelled(signal);
    try {
      pictures.push(pictureUrl(await decodeImage(file)));
    } catch (error) {
      if (!CodedError.is(error, 'DATA_UNREADABLE')) throw error;
      pictures.push(null);
    }
  }
  return pictures;
}
