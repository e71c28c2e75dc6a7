// The ledger's announcements over core NATS: no stream, no acknowledgement, no leaf. They only wake those who poll anyway.
import { NOTICES, type Notice, type NoticeSubject } from '@careseal/contracts'
import type { Msg, NatsConnection } from 'nats'

/** Announces something of the ledger. Fire and forget: losing it delays a reader, nothing more. */
export function publishNotice<S extends NoticeSubject>(nc: NatsConnection, subject: S, notice: Notice<S>): void {
  if (!nc.isClosed()) nc.publish(subject, JSON.stringify(NOTICES[subject].parse(notice)))
}

/** Hears notices; what does not fit its schema is dropped. Returns how to stop. */
export function onNotice<S extends NoticeSubject>(
  nc: NatsConnection,
  subject: S,
  listener: (notice: Notice<S>) => void,
): () => void {
  const subscription = nc.subscribe(subject, {
    callback: (error, message) => {
      const notice = error === null ? noticeIn(subject, message) : null
      if (notice !== null) listener(notice)
    },
  })
  return () => subscription.unsubscribe()
}

function noticeIn<S extends NoticeSubject>(subject: S, message: Msg): Notice<S> | null {
  try {
    return NOTICES[subject].parse(message.json()) as Notice<S>
  } catch {
    return null
  }
}
