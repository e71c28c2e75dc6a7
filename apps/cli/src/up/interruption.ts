// How a person, `careseal down` or a system that shuts down asks to end: the first signal ends it in order.
import { EXIT } from '../exit.js'

/** Told of the first signal, by an event or by a promise. */
export type Interruption = { readonly signal: AbortSignal; readonly asked: Promise<void> }

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Listens until the process ends. A second Ctrl-C ends it at once; the guards of its children end them then. */
export function listenForSignals(): Interruption {
  const controller = new AbortController()
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const onSignal = (name: NodeJS.Signals) => {
    // A terminal that closes, or a group that is ended, may send the others more than once.
    if (controller.signal.aborted && name === 'SIGINT') process.exit(EXIT.interrupted)
    controller.abort()
    resolve()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return { signal: controller.signal, asked }
}
