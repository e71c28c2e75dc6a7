import { buffer } from 'node:stream/consumers'
import { CliError, EXIT } from '../exit.js'
import { readText } from '../verify/trust-options.js'

/** The text of a file, or of standard input for `-`. Throws (usage) if it cannot be read. */
export async function inputText(file: string): Promise<string> {
  if (file !== '-') return readText(file)
  try {
    // Never /dev/stdin: a socket, or another user's pipe, cannot be opened anew by a path.
    return (await buffer(process.stdin)).toString('utf8')
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw new CliError(EXIT.usage, `cannot read standard input (${code})`, { cause: error })
  }
}
