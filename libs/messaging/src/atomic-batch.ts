// All or nothing for up to 1000 messages, with one round trip and one sync of the broker. The client's own startBatch()
// hides the server's error code, and the code 10201 (a duplicate in the batch refuses it whole) is what matters here.
import { MsgHdrsImpl, nuid, type MsgHdrs, type NatsConnection } from 'nats'
import { PublishFailed } from './errors.js'
import type { HeaderRecord } from '@careseal/event-envelope'

export type StreamMessage = { subject: string; body: Uint8Array; headers: HeaderRecord }

/** The server's limit of messages in one atomic batch. */
export const BATCH_MESSAGES_MAX = 1000

/** The broker's code for a batch that holds a message whose Nats-Msg-Id it knows already. */
export const DUPLICATE_IN_BATCH = 10201

type BatchAck = { stream?: string; batch?: string; count?: number; error?: { err_code: number; description: string } }

/** Stores all messages or none. Throws PublishFailed with the broker's code. */
export async function publishAtomic(
  nc: NatsConnection,
  messages: readonly StreamMessage[],
  options: { stream: string; timeoutMs: number },
): Promise<void> {
  const id = nuid.next()
  const last = messages.length - 1
  for (const [index, message] of messages.slice(0, last).entries()) {
    nc.publish(message.subject, message.body, { headers: batchHeaders(message, id, index + 1) })
  }
  const final = messages[last] as StreamMessage
  const commit = batchHeaders(final, id, messages.length)
  commit.set('Nats-Batch-Commit', '1')
  const reply = await nc.request(final.subject, final.body, { headers: commit, timeout: options.timeoutMs })
  checkEcho(reply.json<BatchAck>(), { id, count: messages.length, stream: options.stream })
}

/** Headers as the client wants them, without its quadratic set(). The values are ours and hold no line breaks. */
export function headersOf(record: HeaderRecord): MsgHdrs {
  return MsgHdrsImpl.fromRecord(record)
}

function batchHeaders(message: StreamMessage, id: string, sequence: number): MsgHdrs {
  return headersOf({ ...message.headers, 'Nats-Batch-Id': [id], 'Nats-Batch-Sequence': [String(sequence)] })
}

// A server that knows no batches acknowledges the last message alone, and has stored the others one by one or not.
function checkEcho(ack: BatchAck, expected: { id: string; count: number; stream: string }): void {
  if (ack.error !== undefined) throw new PublishFailed(ack.error.description, ack.error.err_code)
  const isWhole = ack.batch === expected.id && ack.count === expected.count && ack.stream === expected.stream
  if (!isWhole) throw new PublishFailed(`the broker confirmed ${ack.count ?? 'an unknown number'} of ${expected.count}`)
}
