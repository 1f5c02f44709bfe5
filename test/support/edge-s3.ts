import {S3Client} from '@aws-sdk/client-s3';
import {currentEdge} from './edge.ts';
import {KeyNames} from './edge-objects.ts';

interface Command {
  readonly input: {
    readonly Bucket?: string;
    readonly Key?: string;
    readonly Prefix?: string;
    readonly UploadId?: string;
  };
  readonly constructor: {readonly name: string};
}
type Send = (this: S3Client, command: Command, ...rest: unknown[]) => Promise<unknown>;

/**
 * Makes every command of the S3 client a point of the process whose code sends it. Gives a function that undoes it.
 * @param prefix without slashes at its ends: what is below it is named without it
 */
export function watchS3(prefix: string, streams: readonly string[]): () => void {
  const names = new KeyNames(streams);
  return wrapSend((send) => {
    return async function (command, ...rest) {
      const edge = currentEdge();
      const ask = async (): Promise<unknown> => await send.call(this, command, ...rest);
      if (edge === undefined) return await ask();
      const {Key, Prefix = ''} = command.input;
      const key = names.of((Key ?? Prefix).slice(prefix.length + 1));
      return await edge.cross(`s3 ${callOf(command)} ${key}`, ask);
    };
  });
}

/** Does the command of this point leave something behind when its answer is lost? */
export const isLastingS3 = (point: string): boolean => !/^s3 (Get|Head|List)/.test(point);

/**
 * Has a server list its unfinished uploads that cannot (fauxqs): whoever created, completed or aborted one, with or
 * without getting an answer, it is answered from what was seen here. Gives a function that undoes it.
 */
export function listUploads(): () => void {
  const open = new Map<string, {Bucket: string; Key: string; UploadId: string}>();
  return wrapSend((send) => {
    return async function (command, ...rest) {
      const {Bucket = '', Key = '', Prefix = '', UploadId = ''} = command.input;
      if (callOf(command) === 'ListMultipartUploads') {
        const Uploads = [...open.values()].filter((each) => each.Bucket === Bucket && each.Key.startsWith(Prefix));
        return {Uploads, IsTruncated: false};
      }
      const answer = await send.call(this, command, ...rest);
      if (callOf(command) === 'CreateMultipartUpload') {
        const created = (answer as {UploadId: string}).UploadId;
        open.set(created, {Bucket, Key, UploadId: created});
      }
      if (/^(Complete|Abort)MultipartUpload$/.test(callOf(command))) open.delete(UploadId);
      return answer;
    };
  });
}

const callOf = (command: Command): string => command.constructor.name.replace(/Command$/, '');

/** Everything that an S3 client is told goes through this. */
function wrapSend(wrap: (send: Send) => Send): () => void {
  const prototype = S3Client.prototype as unknown as {send: Send};
  const {send} = prototype;
  prototype.send = wrap(send);
  return () => void (prototype.send = send);
}
