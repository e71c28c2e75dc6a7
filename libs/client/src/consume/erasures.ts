// A recipient of personal data answers the operator's `forget-subjects`: its answer is the acknowledgement.
import { commandSubject, FAILURE_HEADER, ForgetSubjects, recipientOf } from '@careseal/contracts'
import { headers, type Msg, type NatsConnection } from 'nats'

export type ErasureOptions = {
  forget: (subjectIds: readonly string[]) => Promise<number>
  onTrouble: (error: unknown) => void
}

/** Answers until `stop`, which resolves when what was asked is answered. */
export function answerErasures(
  nc: NatsConnection,
  consumer: string,
  { forget, onTrouble }: ErasureOptions,
): { stop: () => Promise<void> } {
  const open = new Set<Promise<void>>()
  const answer = async (message: Msg) => {
    try {
      const { subjectIds } = ForgetSubjects.request.parse(message.json())
      const forgotten = await forget(subjectIds)
      message.respond(JSON.stringify(ForgetSubjects.reply.parse({ forgotten })))
    } catch (error) {
      onTrouble(error)
      refuse(message)
    }
  }
  const take = (message: Msg) => {
    const work: Promise<void> = answer(message).finally(() => open.delete(work))
    open.add(work)
  }
  const subscription = nc.subscribe(commandSubject(recipientOf(consumer), 'forget-subjects'), {
    queue: consumer,
    callback: (error, message) => (error === null ? take(message) : onTrouble(error)),
  })
  return {
    stop: async () => {
      await subscription.drain().catch(() => undefined)
      await Promise.all(open)
    },
  }
}

function refuse(message: Msg): void {
  const values = headers()
  values.set(FAILURE_HEADER, 'not-forgotten')
  try {
    message.respond('', { headers: values })
  } catch {
    // The connection is closed: whoever asked hears nothing, which is no acknowledgement either.
  }
}
