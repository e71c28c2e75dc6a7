import type { ReaderOptions } from '@careseal/messaging'
import { EXIT } from '../exit.js'
import type { Terminal } from '../terminal/terminal.js'

/** Tells what a reader of events meets: a chain that is broken, which also sets exit code 3, and what passes by itself. */
export function readerWarnings({ warn }: Terminal): Required<Pick<ReaderOptions, 'onFrozen' | 'onTrouble'>> {
  return {
    onFrozen: (producer, reason) => {
      process.exitCode = EXIT.verification
      warn(`careseal: the chain of ${producer} is broken (${reason}): it is read no further; careseal fsck`)
    },
    onTrouble: ({ kind, producer, error }) => {
      const what = producer === undefined ? TROUBLE[kind] : `${producer} does not answer`
      warn(`careseal: ${what} (${error instanceof Error ? error.message : String(error)}); it is tried again`)
    },
  }
}

const TROUBLE = {
  delivery: 'an event could not be shown',
  producer: 'a producer does not answer',
  stream: 'the stream of events was lost',
} as const
