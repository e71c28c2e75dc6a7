// Seeded bugs on the way through the broker: publishing and reading. (exactly-once.md sections 2, 3 and 8)
import type { SeededBug } from '../seeded-bug.js'

const DIST = 'libs/messaging/dist'
const SRC = 'libs/messaging/src'

export const DELIVERY_BUGS: readonly SeededBug[] = [
  {
    name: 'batch-retried-whole',
    what: 'sends a batch with a duplicate again as a whole after error 10201, which refuses it whole again',
    invariants: ['I20'],
    edits: [
      {
        file: `${DIST}/publish.js`,
        find: 'return publishSingly(nc, batch, timeoutMs)',
        replace: 'return publishAtomic(nc, batch, { stream: EVENTS_STREAM.name, timeoutMs })',
      },
    ],
    caughtBy: {
      file: `${SRC}/publish.int.spec.ts`,
      name: 'publishing events > publishes one by one what holds a duplicate, and stores nothing twice',
    },
  },
  {
    name: 'gap-skipped',
    what: 'goes on behind a gap in the stream as if nothing were missing',
    invariants: ['I1', 'I20'],
    edits: [
      {
        file: `${DIST}/reader/producer-cursor.js`,
        find: 'return this.wait(candidate)',
        replace: `{
            const event = eventOf(candidate);
            this.queue.push(event);
            this.queueBytes += sizeOf(event);
            this.tail = { seq: event.seq, link: event.link };
            return 'accepted';
        }`,
      },
    ],
    caughtBy: {
      file: `${SRC}/reader/event-reader.int.spec.ts`,
      name: 'reading events > fetches from the producer what was never published',
    },
  },
  {
    name: 'position-before-delivery',
    what: 'moves a reader’s position before its delivery has been committed',
    invariants: ['I1', 'I20'],
    edits: [
      {
        file: `${DIST}/reader/event-reader.js`,
        find: 'await this.options.deliver(events)',
        replace: `for (const cursor of taken)
                cursor.confirm();
            await this.options.deliver(events)`,
      },
    ],
    caughtBy: {
      file: `${SRC}/reader/event-reader.int.spec.ts`,
      name: 'reading events > delivers the same events again when deliver throws, and moves no position',
    },
  },
]
