import {createBullBoard} from '@bull-board/api';
import {BullMQAdapter} from '@bull-board/api/bullMQAdapter';
import {FastifyAdapter} from '@bull-board/fastify';
import type {FastifyInstance} from 'fastify';

type AnyQueue = ConstructorParameters<typeof BullMQAdapter>[0];

/** Where Bull Board is. */
const PATH = '/queues';

/** Bull Board, to look at the queues with; what is to be done is for the ledger to say, so nothing can be changed there. */
export async function mountBoard(app: FastifyInstance, queues: readonly AnyQueue[]): Promise<void> {
  const adapter = new FastifyAdapter();
  adapter.setBasePath(PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, {readOnlyMode: true})),
    serverAdapter: adapter,
  });
  // Thrown on, so that the server's own handler answers: this one knows no headers, and shows the stack.
  adapter.setErrorHandler((error) => {
    throw error;
  });
  await app.register(adapter.registerPlugin(), {prefix: PATH});
}
