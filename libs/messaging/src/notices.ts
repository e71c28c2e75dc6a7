import type { Notice, NoticeSubject } from '@careseal/contracts'
import type { NatsConnection } from 'nats'

/** Announces something of the ledger. Fire and forget: losing it delays a reader, nothing more. */
export function publishNotice<S extends NoticeSubject>(_nc: NatsConnection, _subject: S, _notice: Notice<S>): void {
  throw new Error('not written yet')
}

/** Hears notices; what does not fit its schema is dropped. Returns how to stop. */
export function onNotice<S extends NoticeSubject>(
  _nc: NatsConnection,
  _subject: S,
  _listener: (notice: Notice<S>) => void,
): () => void {
  throw new Error('not written yet')
}
